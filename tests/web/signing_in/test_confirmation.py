"""“Confirm it’s you”: what matters most asks again, and a sign-in from a new browser is told."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests import factories
from tests.web.signing_in.steps import (
    PASSWORD,
    codes_on,
    give_app,
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


class TestConfirmation:
    @pytest.fixture
    def stale(self, client, admin, sign_in) -> FlaskClient:
        """Signed in twenty minutes ago, and busy since."""
        sign_in(client, admin)
        rewind(admin, confirmed_at=func.now() - timedelta(minutes=20))
        return client

    def carried(self, page: str) -> str:
        return re.search(r'name="carried"[^>]*value="([^"]+)"', page).group(1)

    def test_making_recovery_codes_asks_who_is_there_after_a_quarter_of_an_hour(self, stale, admin):
        give_app(admin)
        address = "/account/second-factor/recovery-codes/"
        asked = stale.post(address)
        assert asked.status_code == 403
        assert "Confirm it" in asked.text
        assert recovery_codes.left(admin) == 0

        wrong = stale.post(address, data={"carried": self.carried(asked.text), "password": "not it"})
        assert wrong.status_code == 403 and "did not match" in wrong.text
        right = stale.post(address, data={"carried": self.carried(wrong.text), "password": PASSWORD})

        assert len(codes_on(right.text)) == 10
        assert len(codes_on(stale.post(address).text)) == 10, "fresh again, so not asked again"

    def test_what_was_typed_goes_on_after_the_confirmation_and_acts_once(self, stale, admin, home):
        typed = {"email": "ruth@example.org", "role": "auditor", "chapter": "", "form_key": "a key"}
        asked = stale.post(f"{home}people/invitations/", data=typed)
        assert asked.status_code == 403
        assert "ruth@example.org" not in asked.text

        sent = {"carried": self.carried(asked.text), "password": PASSWORD}
        done = stale.post(f"{home}people/invitations/", data=sent)

        assert done.status_code == 303
        assert "ruth@example.org" in stale.get(f"{home}people/").text

    def test_the_app_or_a_passkey_confirms_as_well(self, stale, admin, home):
        code = give_app(admin).now()
        asked = stale.post(f"{home}tokens/", data={"name": "Nightly", "role": "auditor", "chapter": ""})

        made = stale.post(f"{home}tokens/", data={"carried": self.carried(asked.text), "code": code})

        assert "The token for “Nightly”" in made.text

    def test_a_carried_form_is_good_at_its_own_address_only(self, stale, admin, home):
        asked = stale.post(f"{home}tokens/", data={"name": "Nightly", "role": "auditor", "chapter": ""})

        bent = stale.post(
            f"{home}people/invitations/", data={"carried": self.carried(asked.text), "password": PASSWORD}
        )

        assert bent.status_code == 409

    def test_confirming_gives_the_session_a_new_token(self, stale, admin, home):
        before = stale.get_cookie("duesbook").value
        asked = stale.post(f"{home}tokens/", data={"name": "Nightly", "role": "auditor", "chapter": ""})
        stale.post(f"{home}tokens/", data={"carried": self.carried(asked.text), "password": PASSWORD})

        thief = stale.application.test_client()
        thief.set_cookie("duesbook", before)
        assert not opens(thief, "/account/places/")
        assert opens(stale, home)


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
