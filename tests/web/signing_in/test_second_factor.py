"""Two-step sign-in: who has to, how it is set up, and what stands in when the telephone is lost."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests import factories
from tests.web.signing_in.steps import (
    codes_on,
    give_app,
    give_codes,
    opens,
    rewind,
    send_password,
    with_password,
)
from webapp import wiring
from webapp.core import clock, tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.domain.notifications.delivery import Mail
from webapp.domain.organizations import (
    AuthenticatorApp,
    Login,
    RoleName,
    recovery_codes,
    sessions,
)


class TestWhoNeedsOne:
    def test_a_national_admins_password_leads_to_the_set_up_and_opens_nothing_else(self, client, admin, home):
        arrived = send_password(client, admin)

        asked = client.get(arrived.location)
        assert (asked.status_code, asked.location) == (303, "/account/second-factor/")
        assert "One more step before you can go on" in client.get(asked.location).text
        for address in ("people/", "invoices/", "processors/"):
            assert client.get(home + address).location == "/account/second-factor/"
        assert client.post(home + "tokens/", data={"name": "x", "role": "auditor"}).status_code == 303

    def test_a_chapters_page_of_theirs_is_closed_as_well(self, client, admin, organization):
        factories.make_chapter()
        send_password(client, admin)

        assert client.get(f"/o/{organization.slug}/chapters/ALP/").location == "/account/second-factor/"

    def test_a_treasurer_goes_on_with_the_password(self, client, organization):
        login = with_password(factories.make_login())
        factories.make_role(login, RoleName.TREASURER, chapter=factories.make_chapter())

        arrived = send_password(client, login)

        assert opens(client, arrived.location)

    def test_after_the_set_up_they_come_to_where_they_were_going(self, client, admin, home):
        wanted = f"{home}people/?role=auditor"
        send_password(client, admin, next=wanted)
        client.get(wanted)
        client.post("/account/second-factor/app/")
        app = AuthenticatorApp.of(admin)
        code = pyotp.TOTP(app.reveal(wiring.key_ring())).now()

        page = client.post("/account/second-factor/app/confirmation", data={"code": code})

        assert f'href="{wanted}"' in page.text
        assert opens(client, wanted)

    def test_the_last_one_of_a_national_admin_stays(self, client, admin, sign_in):
        give_app(admin)
        sign_in(client, admin)

        refused = client.post("/account/second-factor/app/removal")

        assert refused.status_code == 409
        assert "Set up another one first" in refused.text
        assert AuthenticatorApp.of(admin) is not None


class TestAuthenticatorApp:
    @pytest.fixture
    def app_of_admin(self, admin) -> pyotp.TOTP:
        return give_app(admin)

    def ask(self, client: FlaskClient, code: str):
        return client.post("/second-factor", data={"code": code})

    def test_setting_it_up_shows_a_picture_and_a_key_and_then_ten_codes(self, client, admin, sign_in, jobs):
        elsewhere = client.application.test_client()
        sign_in(elsewhere, admin)
        sign_in(client, admin)
        client.post("/account/second-factor/app/")
        page = client.get("/account/second-factor/app/").text
        secret = pyotp.TOTP(AuthenticatorApp.of(admin).reveal(wiring.key_ring()))
        assert '<svg class="qr"' in page and "otpauth://totp/" in page
        assert secret.secret in page.replace(" ", "")

        shown = client.post("/account/second-factor/app/confirmation", data={"code": secret.now()})

        codes = codes_on(shown.text)
        assert len(set(codes)) == 10
        assert all(code in shown.text.partition("data:text/plain")[2].partition('"')[0] for code in codes)
        assert not opens(elsewhere, "/account/places/")
        assert opens(client, "/account/places/")
        jobs.run_all()
        assert db.session.scalars(select(Mail.subject)).all() == ["How you sign in was changed"]
        assert "authenticator_app_added" in db.session.scalars(select(AuditEntry.action)).all()

    def test_the_secret_is_stored_encrypted_and_bound_to_its_row(self, admin, app_of_admin):
        other = factories.make_admin("Otto Admin")
        give_app(other)
        mine, theirs = AuthenticatorApp.of(admin), AuthenticatorApp.of(other)
        assert app_of_admin.secret not in mine.secret

        mine.secret = theirs.secret

        with pytest.raises(Exception, match="can't be read"):
            mine.reveal(wiring.key_ring())
        db.session.rollback()

    def test_a_wrong_first_code_changes_nothing_and_says_what_to_do(self, client, admin, sign_in):
        sign_in(client, admin)
        client.post("/account/second-factor/app/")

        refused = client.post("/account/second-factor/app/confirmation", data={"code": "000000"})

        assert refused.status_code == 422
        assert "Wait for the next one" in refused.text
        assert AuthenticatorApp.of(admin).confirmed_at is None

    def test_the_password_alone_is_a_session_that_opens_nothing(self, client, admin, app_of_admin, home):
        arrived = send_password(client, admin, next=home)

        assert arrived.location == f"/second-factor?next={home}"
        assert not opens(client, "/account/places/")
        assert client.get(home).location.startswith("/?next=")
        assert opens(client, "/second-factor")

    def test_password_and_code_sign_in_and_the_session_remembers_both(
        self, client, admin, app_of_admin, home
    ):
        send_password(client, admin)

        arrived = self.ask(client, app_of_admin.now())

        assert opens(client, arrived.location)
        [now_open] = sessions.open_ones(admin)
        assert now_open.methods == ["password", "app_code"]
        assert now_open.is_strong and now_open.is_fresh

    @pytest.mark.case("A11")
    def test_a_code_works_once(self, client, admin, app_of_admin):
        code = app_of_admin.now()
        send_password(client, admin)
        assert self.ask(client, code).status_code == 303
        thief = client.application.test_client()
        send_password(thief, admin)

        assert self.ask(thief, code).status_code == 422
        assert not opens(thief, "/account/places/")

    @pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
    def test_a_clock_half_a_minute_off_is_forgiven(self, admin, app_of_admin, steps, good):
        code = app_of_admin.at(clock.now() + timedelta(seconds=30 * steps))

        with transaction():
            assert AuthenticatorApp.of(admin, lock=True).accepts(code, wiring.key_ring()) is good

    def test_an_older_code_than_the_last_one_is_refused(self, admin, app_of_admin):
        with transaction():
            app = AuthenticatorApp.of(admin, lock=True)
            assert app.accepts(app_of_admin.now(), wiring.key_ring())
            assert not app.accepts(app_of_admin.at(clock.now() - timedelta(seconds=30)), wiring.key_ring())

    def test_an_app_that_was_never_confirmed_is_not_asked_for(self, client, admin, home):
        give_app(admin, confirmed=False)

        assert send_password(client, admin).location == home

    def test_ten_minutes_after_the_password_one_starts_again(self, client, admin, app_of_admin):
        send_password(client, admin)
        rewind(admin, expires_at=func.now())

        late = self.ask(client, app_of_admin.now())

        assert late.location == "/"
        assert not opens(client, "/account/places/")


class TestRecoveryCodes:
    def test_one_of_them_stands_in_once(self, client, admin, home):
        give_app(admin)
        code = give_codes(admin)[3]
        send_password(client, admin)

        arrived = client.post("/second-factor", data={"code": f" {code.upper()} "})

        assert "You have 9 recovery codes left" in client.get(arrived.location).text
        thief = client.application.test_client()
        send_password(thief, admin)
        assert thief.post("/second-factor", data={"code": code}).status_code == 422

    def test_they_are_stored_as_hashes_only(self, admin):
        codes = give_codes(admin)

        stored = db.session.scalars(select(recovery_codes.RecoveryCode.code_hash)).all()

        assert all(one.startswith("$argon2id$") for one in stored)
        assert not any(code.replace("-", "")[1:] in one for code in codes for one in stored)

    def test_new_ones_replace_the_old_ones(self, client, admin, sign_in):
        give_app(admin)
        old = give_codes(admin)[0]
        sign_in(client, admin)

        page = client.post("/account/second-factor/recovery-codes/")

        assert len(codes_on(page.text)) == 10
        with transaction():
            assert not recovery_codes.use(admin, old)
            assert recovery_codes.use(admin, codes_on(page.text)[0])

    @pytest.mark.parametrize("text", ["", "x", "9", "12-", "3-aaaaa-aaaaa", "ä" * 40, "0" * 40])
    def test_anything_else_is_no_code(self, admin, text):
        give_codes(admin)
        with transaction():
            assert not recovery_codes.use(admin, text)

    def test_without_a_second_factor_there_are_none(self, client, admin, sign_in):
        sign_in(client, admin)

        assert client.post("/account/second-factor/recovery-codes/").status_code == 409


class TestAccountPage:
    def test_sessions_say_where_and_when_in_the_organizations_time(self, client, admin, sign_in):
        sign_in(client, admin)
        rewind(admin, created_at=datetime(2026, 7, 1, 16, 30, tzinfo=UTC), address="192.0.2.7")

        page = client.get("/account/").text

        assert "From 192.0.2.7" in page
        assert "Jul 1, 2026, 12:30" in page and "America/New York time" in page


class TestLostDevice:
    @pytest.fixture
    def ruth(self, organization) -> Login:
        login = with_password(factories.make_login("Ruth Treasurer"))
        factories.make_role(login, RoleName.NATIONAL_ADMIN)
        give_app(login)
        give_codes(login)
        return login

    def address(self, home: str, login: Login) -> str:
        return f"{home}people/{login.id}/second-factor-reset"

    def test_another_admin_resets_it_with_a_reason_and_the_person_is_told(
        self, client, admin, ruth, home, sign_in, jobs
    ):
        elsewhere = client.application.test_client()
        sign_in(elsewhere, ruth)
        sign_in(client, admin)
        assert client.post(self.address(home, ruth), data={"reason": ""}).status_code == 422

        done = client.post(self.address(home, ruth), data={"reason": "Telephone stolen, she called me"})

        assert done.status_code == 303
        assert not opens(elsewhere, "/account/places/")
        assert AuthenticatorApp.of(ruth) is None and recovery_codes.left(ruth) == 0
        jobs.run_all()
        [mail] = db.session.scalars(select(Mail)).all()
        assert (mail.recipient, mail.subject) == (ruth.email, "Your second step was reset")
        kept = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "second_factor_reset")).one()
        assert (kept.by_id, kept.reason) == (admin.id, "Telephone stolen, she called me")
        assert elsewhere.get(send_password(elsewhere, ruth).location).location == "/account/second-factor/"

    def test_nobody_resets_the_own_one(self, client, ruth, home, sign_in):
        sign_in(client, ruth)
        assert "Somebody else has to reset" in client.get(self.address(home, ruth)).text

        assert client.post(self.address(home, ruth), data={"reason": "lost"}).status_code == 403
        assert AuthenticatorApp.of(ruth) is not None

    def test_who_works_for_another_organization_too_is_not_one_admins_to_reset(
        self, client, admin, ruth, home, sign_in
    ):
        other = factories.make_organization("Sigma Tau")
        with tenancy.acting_for(other.id):
            factories.make_role(ruth, RoleName.AUDITOR)
        sign_in(client, admin)

        refused = client.post(self.address(home, ruth), data={"reason": "lost"})

        assert refused.status_code == 403
        assert AuthenticatorApp.of(ruth) is not None

    def test_a_stranger_to_the_organization_is_not_found(self, client, admin, home, sign_in):
        sign_in(client, admin)

        assert client.get(self.address(home, factories.make_login("Sam"))).status_code == 404

    def test_whoever_runs_duesbook_resets_it_by_command(self, app, ruth, organization):
        run = app.test_cli_runner().invoke

        done = run(args=["people", "reset-factor", organization.slug, ruth.email])
        unknown = run(args=["people", "reset-factor", organization.slug, "nobody@example.org"])

        assert done.exit_code == 0, done.output
        assert AuthenticatorApp.of(ruth) is None
        assert unknown.exit_code == 1 and "has a role here" in unknown.output
