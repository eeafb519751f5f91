"""“Confirm it’s you”: what matters most asks again, and a sign-in from a new browser is told."""

import re
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests import factories
from tests.web.authenticator import Authenticator
from tests.web.signing_in.steps import (
    PASSWORD,
    codes_on,
    give_app,
    give_passkey,
    opens,
    rewind,
    send_password,
    with_password,
)
from webapp.core.db import db
from webapp.domain.notifications.delivery import Mail
from webapp.domain.organizations import (
    Login,
    RoleName,
    recovery_codes,
)

RECOVERY_CODES = "/account/second-factor/recovery-codes/"


def signed_in_long_ago(login: Login) -> None:
    before = func.now() - timedelta(minutes=20)
    rewind(login, confirmed_at=before, fully_confirmed_at=before)


def carried(page: str) -> str:
    return re.search(r'name="carried"[^>]*value="([^"]+)"', page).group(1)


class TestConfirmation:
    @pytest.fixture
    def stale(self, client, admin, sign_in) -> FlaskClient:
        """Signed in twenty minutes ago, and busy since."""
        sign_in(client, admin)
        signed_in_long_ago(admin)
        return client

    def test_making_a_token_asks_who_is_there_after_a_quarter_of_an_hour(self, stale, admin, home):
        token = {"name": "Nightly", "role": "auditor", "chapter": ""}
        asked = stale.post(f"{home}tokens/", data=token)
        assert asked.status_code == 403
        assert "Confirm it" in asked.text

        wrong = stale.post(f"{home}tokens/", data={"carried": carried(asked.text), "password": "not it"})
        assert wrong.status_code == 403 and "did not match" in wrong.text
        right = stale.post(f"{home}tokens/", data={"carried": carried(wrong.text), "password": PASSWORD})

        assert "The token for “Nightly”" in right.text
        again = stale.post(f"{home}tokens/", data=token | {"name": "Weekly"})
        assert "The token for “Weekly”" in again.text, "fresh again, so not asked again"

    def test_what_was_typed_goes_on_after_the_confirmation_and_acts_once(self, stale, admin, home):
        typed = {"email": "ruth@example.org", "role": "auditor", "chapter": "", "form_key": "a key"}
        asked = stale.post(f"{home}people/invitations/", data=typed)
        assert asked.status_code == 403
        assert "ruth@example.org" not in asked.text

        sent = {"carried": carried(asked.text), "password": PASSWORD}
        done = stale.post(f"{home}people/invitations/", data=sent)

        assert done.status_code == 303
        assert "ruth@example.org" in stale.get(f"{home}people/").text

    def test_the_app_or_a_passkey_confirms_as_well(self, stale, admin, home):
        code = give_app(admin).now()
        asked = stale.post(f"{home}tokens/", data={"name": "Nightly", "role": "auditor", "chapter": ""})

        made = stale.post(f"{home}tokens/", data={"carried": carried(asked.text), "code": code})

        assert "The token for “Nightly”" in made.text

    def test_a_carried_form_is_good_at_its_own_address_only(self, stale, admin, home):
        asked = stale.post(f"{home}tokens/", data={"name": "Nightly", "role": "auditor", "chapter": ""})

        bent = stale.post(
            f"{home}people/invitations/", data={"carried": carried(asked.text), "password": PASSWORD}
        )

        assert bent.status_code == 409

    def test_confirming_gives_the_session_a_new_token(self, stale, admin, home):
        before = stale.get_cookie("duesbook").value
        asked = stale.post(f"{home}tokens/", data={"name": "Nightly", "role": "auditor", "chapter": ""})
        stale.post(f"{home}tokens/", data={"carried": carried(asked.text), "password": PASSWORD})

        thief = stale.application.test_client()
        thief.set_cookie("duesbook", before)
        assert not opens(thief, "/account/places/")
        assert opens(stale, home)


class TestChangingHowOneSignsIn:
    """Whoever has two factors shows both, within the last quarter of an hour."""

    @pytest.fixture
    def app_of_admin(self, admin: Login) -> pyotp.TOTP:
        return give_app(admin)

    @pytest.fixture
    def stale(self, client: FlaskClient, admin: Login, app_of_admin: pyotp.TOTP, sign_in: Any) -> FlaskClient:
        sign_in(client, admin)
        signed_in_long_ago(admin)
        return client

    def changes(self, app: Flask, home: str, other: Login) -> dict[str, str]:
        """Every address that changes how somebody signs in, by its name."""
        found = {
            rule.endpoint: re.sub("<.*?>", str(other.id), rule.rule)
            for rule in app.url_map.iter_rules()
            if rule.rule.startswith("/account/") and "POST" in (rule.methods or ())
        }
        for harmless in ("change_profile", "rename_passkey", "create_passkey_challenge"):
            del found[f"account.{harmless}"]
        for asks_for_one in ("end_session", "end_other_sessions"):
            del found[f"account.{asks_for_one}"]
        return found | {"reset": f"{home}people/{other.id}/second-factor-reset"}

    def test_each_way_to_change_it_asks_for_both(self, app, stale, home, app_of_admin):
        other = factories.make_admin("Otto Admin")
        addresses = self.changes(app, home, other)
        assert len(addresses) >= 8

        for name, address in addresses.items():
            asked = stale.post(
                address, data={"current": PASSWORD, "password": "otters seventeen ladder plum"}
            )
            assert asked.status_code == 403 and "your password and a code" in asked.text, name
            half = stale.post(address, data={"carried": carried(asked.text), "password": PASSWORD})
            assert half.status_code == 403 and "did not match" in half.text, name

    def test_with_both_it_goes_on_and_does_not_ask_again(self, stale, admin, app_of_admin):
        asked = stale.post(RECOVERY_CODES)
        code = app_of_admin.now()
        sent = {"carried": carried(asked.text), "code": code}
        for wrong in (sent, sent | {"password": "not it"}):
            assert stale.post(RECOVERY_CODES, data=wrong).status_code == 403
        assert recovery_codes.left(admin) == 0

        right = stale.post(RECOVERY_CODES, data=sent | {"password": PASSWORD})

        assert len(codes_on(right.text)) == 10, "a code is not spent beside a wrong password"
        assert len(codes_on(stale.post(RECOVERY_CODES).text)) == 10

    def test_one_factor_that_was_shown_for_something_else_is_not_enough(self, stale, app_of_admin, home):
        asked = stale.post(f"{home}tokens/", data={"name": "Nightly", "role": "auditor", "chapter": ""})
        sent = {"carried": carried(asked.text), "code": app_of_admin.now()}
        assert "The token for “Nightly”" in stale.post(f"{home}tokens/", data=sent).text

        assert stale.post(RECOVERY_CODES).status_code == 403

    def test_a_passkey_is_both_in_one(self, client, admin, sign_in):
        device = Authenticator()
        sign_in(client, admin)
        give_passkey(client, device)
        signed_in_long_ago(admin)
        asked = client.post(RECOVERY_CODES)
        assert "Use a passkey" in asked.text and "one of your recovery codes" in asked.text
        answer = device.sign(client.post("/passkey-challenges/").json)

        right = client.post(RECOVERY_CODES, data={"carried": carried(asked.text), "answer": answer})

        assert len(codes_on(right.text)) == 10

    def test_whoever_has_a_password_alone_types_it_once(self, client, organization, sign_in):
        treasurer = with_password(factories.make_login())
        factories.make_role(treasurer, RoleName.TREASURER, chapter=factories.make_chapter())
        sign_in(client, treasurer)
        signed_in_long_ago(treasurer)
        next_password = "otters seventeen ladder plum"
        asked = client.post("/account/second-factor/app/")
        assert asked.status_code == 403 and 'name="code"' not in asked.text

        wrong = client.post("/account/password", data={"current": "not it", "password": next_password})
        assert wrong.status_code == 422
        done = client.post("/account/password", data={"current": PASSWORD, "password": next_password})

        assert done.status_code == 303
        assert client.post("/account/second-factor/app/").status_code == 303, "and that was all there is"


class TestNewBrowser:
    """Staff hear of a sign-in from where they never were."""

    @pytest.fixture
    def treasurer(self, organization) -> Login:
        login = with_password(factories.make_login())
        factories.make_role(login, RoleName.TREASURER, chapter=factories.make_chapter())
        return login

    def mails(self, jobs: Any) -> list[str | None]:
        jobs.run_all()
        return list(db.session.scalars(select(Mail.subject)))

    def test_the_first_one_and_a_known_one_are_nothing_to_write_about(self, client, treasurer, jobs):
        for _ in range(2):
            send_password(client, treasurer)
            client.post("/sign-out")

        assert self.mails(jobs) == []

    def test_another_one_is_told_by_mail_once(self, client, treasurer, jobs):
        send_password(client, treasurer)
        elsewhere = client.application.test_client()
        send_password(elsewhere, treasurer)
        elsewhere.post("/sign-out")
        send_password(elsewhere, treasurer)

        assert self.mails(jobs) == ["You signed in from a new browser"]
