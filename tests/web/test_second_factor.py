"""Two-step sign-in: who has to, how it is set up, and what stands in when the telephone is lost."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from tests import factories
from tests.web.authenticator import Authenticator
from webapp import wiring
from webapp.core import clock, tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.domain.notifications.delivery import Mail
from webapp.domain.organizations import (
    AuthenticatorApp,
    Login,
    LoginSession,
    Passkey,
    RoleName,
    recovery_codes,
    sessions,
)
from webapp.web.limits import limiter

PASSWORD = "plum ladder seventeen otters"


@pytest.fixture(autouse=True)
def _counters_start_at_zero(app):
    limiter.reset()


@pytest.fixture
def admin(organization) -> Login:
    return with_password(factories.make_admin())


@pytest.fixture
def home(organization) -> str:
    return f"/o/{organization.slug}/national/"


def with_password(login: Login) -> Login:
    with transaction():
        login.choose_password(PASSWORD)
    return login


def send_password(client: FlaskClient, login: Login, **fields: str):
    return client.post("/", data={"email": login.email, "password": PASSWORD} | fields)


def give_app(login: Login, *, confirmed: bool = True) -> pyotp.TOTP:
    """What the telephone has after the set-up."""
    with transaction():
        app = AuthenticatorApp.prepare(login, wiring.key_ring())
        app.confirmed_at = clock.now() if confirmed else None
    return pyotp.TOTP(app.reveal(wiring.key_ring()))


def give_codes(login: Login) -> list[str]:
    with transaction():
        return recovery_codes.make(login)


def give_passkey(client: FlaskClient, device: Authenticator, name: str = "My telephone"):
    """Adds it by the page, as the browser signed in here."""
    asked = client.post("/account/second-factor/passkeys/challenges/").json
    return client.post("/account/second-factor/passkeys/", data={"name": name, "answer": device.make(asked)})


def use_passkey(client: FlaskClient, device: Authenticator, **fields: str):
    asked = client.post("/passkey-challenges/").json
    return client.post("/passkey-sessions/", data={"answer": device.sign(asked)} | fields)


def opens(client: FlaskClient, address: str) -> bool:
    return client.get(address).status_code == 200


def codes_on(page: str) -> list[str]:
    return re.findall(
        r"\b\d-[a-z2-9]{5}-[a-z2-9]{5}\b",
        page.partition('<ul aria-label="Recovery codes">')[2].partition("</ul>")[0],
    )


def rewind(login: Login, **columns: Any) -> None:
    with transaction():
        db.session.execute(update(LoginSession).where(LoginSession.login_id == login.id).values(**columns))


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


class TestPasskeys:
    @pytest.fixture
    def device(self, client, admin, sign_in) -> Authenticator:
        """In the admin's pocket, known to us, and the browser signed out again."""
        device = Authenticator()
        sign_in(client, admin)
        give_passkey(client, device)
        client.post("/sign-out")
        return device

    def test_the_first_one_brings_recovery_codes_and_counts_at_once(self, client, admin, home):
        send_password(client, admin)

        page = give_passkey(client, Authenticator())

        assert len(codes_on(page.text)) == 10
        assert opens(client, home)

    def test_it_signs_in_by_itself_as_both_factors(self, client, admin, device, home):
        arrived = use_passkey(client, device)

        assert arrived.location == home
        assert opens(client, home)
        [now_open] = sessions.open_ones(admin)
        assert now_open.methods == ["passkey"]

    def test_after_the_password_it_is_the_second_step(self, client, admin, device, home):
        send_password(client, admin)
        assert "Use a passkey" in client.get("/second-factor").text

        assert use_passkey(client, device, next=f"{home}people/").location == f"{home}people/"

    def test_an_answer_given_twice_works_once(self, client, device):
        asked = client.post("/passkey-challenges/").json
        answer = device.sign(asked)
        assert client.post("/passkey-sessions/", data={"answer": answer}).location != "/"
        client.post("/sign-out")

        again = client.post("/passkey-sessions/", data={"answer": answer})

        assert again.location == "/"
        assert not opens(client, "/account/places/")

    def test_an_answer_from_another_browser_than_was_asked_is_refused(self, client, device):
        asked = client.post("/passkey-challenges/").json
        other = client.application.test_client()
        other.post("/passkey-challenges/")

        other.post("/passkey-sessions/", data={"answer": device.sign(asked)})

        assert not opens(other, "/account/places/")

    def test_an_old_challenge_is_worth_nothing(self, client, device):
        asked = client.post("/passkey-challenges/").json
        with transaction():
            db.session.execute(update(passkey_challenges()).values(expires_at=func.now()))

        client.post("/passkey-sessions/", data={"answer": device.sign(asked)})

        assert not opens(client, "/account/places/")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"verifies": False},
            {"origin": "http://evil.example"},
            {"origin": "http://localhost.evil.example"},
            {"user_handle": b"somebody else"},
            {"user_handle": b""},
            {"sign_count": -1},
            {"credential_id": b"never seen"},
        ],
    )
    def test_a_device_that_is_not_quite_right_is_refused(self, client, device, wrong):
        use_passkey(client, device)
        client.post("/sign-out")
        for name, value in wrong.items():
            setattr(device, name, value)

        refused = use_passkey(client, device)

        assert refused.location == "/"
        assert not opens(client, "/account/places/")

    def test_another_key_under_the_same_name_is_refused(self, client, device):
        impostor = Authenticator(user_handle=device.user_handle, sign_count=7)

        use_passkey(client, impostor)

        assert not opens(client, "/account/places/")

    @pytest.mark.parametrize("answer", ["", "{}", "[]", "null", "nonsense", '{"id": 1, "rawId": "%%"}', "ä"])
    def test_nonsense_is_refused_in_peace(self, client, device, answer):
        client.post("/passkey-challenges/")

        assert client.post("/passkey-sessions/", data={"answer": answer}).location == "/"

    @pytest.mark.parametrize("wrong", [{"verifies": False}, {"origin": "http://evil.example"}])
    def test_a_new_one_that_does_not_fit_is_not_kept(self, client, admin, sign_in, wrong):
        sign_in(client, admin)

        refused = give_passkey(client, Authenticator(**wrong))

        assert refused.status_code == 422
        assert "was not added" in refused.text
        assert db.session.scalars(select(Passkey)).all() == []

    def test_several_have_names_and_are_renamed_and_removed_one_by_one(self, client, admin, device):
        use_passkey(client, device)
        give_passkey(client, Authenticator(credential_id=b"another one"), "Key in the drawer")
        drawer = db.session.scalars(select(Passkey).where(Passkey.name == "Key in the drawer")).one()
        here = f"/account/second-factor/passkeys/{drawer.id}/"

        client.post(here + "name", data={"name": "  Key in   the safe "})
        assert "Key in the safe" in client.get("/account/second-factor/").text
        client.post(here + "removal")

        names = db.session.scalars(select(Passkey.name)).all()
        assert names == ["My telephone"]
        assert client.get(here).status_code == 404

    def test_somebody_elses_is_not_there(self, client, device, organization, sign_in):
        theirs = db.session.scalars(select(Passkey.id)).one()
        sign_in(client, factories.make_admin("Otto Admin"))
        here = f"/account/second-factor/passkeys/{theirs}/"

        assert client.get(here).status_code == 404
        assert client.post(here + "name", data={"name": "Mine"}).status_code == 404
        assert client.post(here + "removal").status_code == 404

    def test_a_switched_off_login_stays_outside(self, client, admin, device):
        with transaction():
            admin.disabled_at = func.now()

        use_passkey(client, device)

        assert not opens(client, "/account/places/")


def passkey_challenges() -> Any:
    from webapp.domain.organizations import PasskeyChallenge

    return PasskeyChallenge


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
