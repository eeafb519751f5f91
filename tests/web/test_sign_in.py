"""Getting in and out, and what a thief of a cookie, a link or a list of passwords gets."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from statistics import median
from time import perf_counter

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from tests import factories
from webapp.core.db import db, transaction
from webapp.domain.notifications.delivery import Mail
from webapp.domain.organizations import Login, LoginSession, RoleName, password_reset, roles, sessions
from webapp.web.auth import own_path
from webapp.web.limits import limiter

PASSWORD = "plum ladder seventeen otters"


@pytest.fixture(autouse=True)
def _counters_start_at_zero(app):
    limiter.reset()


@pytest.fixture
def admin(organization) -> Login:
    login = factories.make_admin()
    with transaction():
        login.choose_password(PASSWORD)
    return login


def send(client: FlaskClient, email: str, password: str = PASSWORD, **fields):
    return client.post("/", data={"email": email, "password": password} | fields)


def cookie(client: FlaskClient) -> str:
    found = client.get_cookie("duesbook")
    assert found is not None
    return found.value


def open_sessions() -> int:
    return db.session.scalar(select(func.count()).where(LoginSession.ended_at.is_(None)))


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/account/places/").status_code == 200


def test_the_right_password_leads_to_the_only_place(client, admin, organization):
    answer = send(client, admin.email.upper())

    assert answer.status_code == 303
    assert answer.location == f"/o/{organization.slug}/national/"
    assert is_signed_in(client)


def test_somebody_with_several_roles_chooses_where_to_go(client, admin, organization):
    roles.organizations_of(admin)
    chapter = factories.make_chapter()
    factories.make_role(admin, RoleName.TREASURER, chapter=chapter)

    answer = send(client, admin.email)

    page = client.get(answer.location).text
    assert f"/o/{organization.slug}/national/" in page
    assert f"/o/{organization.slug}/chapters/ALP/" in page
    assert "Treasurer of Alpha Chapter" in page


def test_whoever_lost_every_role_is_told_so_instead_of_an_error(client, app):
    login = factories.make_login()
    with transaction():
        login.choose_password(PASSWORD)

    answer = send(client, login.email)

    assert "You have no role in any organization" in client.get(answer.location).text


@pytest.mark.case("A10")
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client, admin):
    wrong = send(client, admin.email, "not the password")
    unknown = send(client, "nobody@example.org", "not the password")

    assert wrong.status_code == unknown.status_code == 422
    said = "The email address or the password is not right."
    assert said in wrong.text and said in unknown.text
    assert wrong.text.count("\n") == unknown.text.count("\n")


@pytest.mark.case("A10")
def test_an_unknown_address_takes_as_long_as_a_known_one(client, admin):
    def seconds(email: str) -> float:
        limiter.reset()
        began = perf_counter()
        send(client, email, "not the password")
        return perf_counter() - began

    seconds("warm@example.org")
    known, unknown = [], []
    for _ in range(15):
        known.append(seconds(admin.email))
        unknown.append(seconds("nobody@example.org"))

    assert median(unknown) == pytest.approx(median(known), rel=0.35)


def test_a_disabled_login_stays_outside_and_its_open_session_ends(client, admin, sign_in):
    sign_in(client, admin)
    with transaction():
        admin.disabled_at = func.now()

    assert not is_signed_in(client)
    assert send(client, admin.email).status_code == 422


@pytest.mark.case("A7")
def test_every_sign_in_has_a_new_token_and_ends_the_one_before(client, admin, app):
    send(client, admin.email)
    first = cookie(client)
    send(client, admin.email)

    assert cookie(client) != first
    thief = app.test_client()
    thief.set_cookie("duesbook", first)
    assert not is_signed_in(thief)
    assert is_signed_in(client)


@pytest.mark.case("A7")
def test_a_cookie_planted_before_the_sign_in_is_worth_nothing_after_it(client, admin, app):
    planted = app.session_interface.get_signing_serializer(app).dumps({"token": "chosen by a thief"})
    client.set_cookie("duesbook", planted)
    send(client, admin.email)

    thief = app.test_client()
    thief.set_cookie("duesbook", planted)
    assert not is_signed_in(thief)


@pytest.mark.case("A7")
def test_a_copied_cookie_is_dead_after_sign_out(client, admin, app):
    send(client, admin.email)
    copied = cookie(client)

    assert client.post("/sign-out").status_code == 303

    thief = app.test_client()
    thief.set_cookie("duesbook", copied)
    assert not is_signed_in(thief)
    assert open_sessions() == 0


def test_signing_out_by_following_a_link_does_nothing(client, admin, sign_in):
    sign_in(client, admin)

    assert client.get("/sign-out").status_code == 405
    assert is_signed_in(client)


@pytest.mark.case("A7")
def test_a_new_role_and_a_lost_role_end_the_open_sessions(client, admin, organization, sign_in):
    helper = factories.make_login()
    sign_in(client, helper)
    with transaction():
        role = roles.grant(helper, RoleName.AUDITOR, by=admin)
    assert not is_signed_in(client)

    sign_in(client, helper)
    with transaction():
        roles.remove(roles.Role.here().get(role.id), by=admin)
    assert not is_signed_in(client)


@pytest.mark.case("A7")
def test_a_changed_password_signs_out_every_other_browser(client, admin, app, sign_in):
    elsewhere = app.test_client()
    sign_in(elsewhere, admin)
    sign_in(client, admin)
    before = cookie(client)

    answer = client.post("/account/password", data={"current": PASSWORD, "password": "walnut kayak 9 hinges"})

    assert answer.status_code == 303
    assert not is_signed_in(elsewhere)
    assert is_signed_in(client)
    assert cookie(client) != before


def rewind(login: Login, **columns) -> None:
    with transaction():
        db.session.execute(update(LoginSession).where(LoginSession.login_id == login.id).values(**columns))


def test_staff_are_signed_out_after_half_an_hour_and_members_after_a_day(
    client, app, admin, organization, sign_in
):
    member = factories.make_member(factories.make_chapter(), factories.make_status())
    reader = factories.make_login()
    factories.make_role(reader, RoleName.MEMBER, member=member)
    browser = app.test_client()
    sign_in(client, admin)
    sign_in(browser, reader)
    for login in (admin, reader):
        rewind(login, last_seen_at=func.now() - timedelta(minutes=31))

    assert not is_signed_in(client)
    assert is_signed_in(browser)

    rewind(reader, last_seen_at=func.now() - timedelta(hours=25))
    assert not is_signed_in(browser)


def test_a_session_of_staff_ends_after_twelve_hours_however_busy(client, admin, sign_in):
    sign_in(client, admin)
    lasts = db.session.scalars(select(LoginSession.expires_at - LoginSession.created_at)).one()
    assert lasts == timedelta(hours=12)

    rewind(admin, expires_at=func.now())
    assert not is_signed_in(client)


def test_use_is_noted_once_a_minute(client, admin, sign_in):
    sign_in(client, admin)
    seen = select(LoginSession.last_seen_at).where(LoginSession.login_id == admin.id)
    first = db.session.scalar(seen)
    is_signed_in(client)
    db.session.rollback()
    assert db.session.scalar(seen) == first

    rewind(admin, last_seen_at=func.now() - timedelta(minutes=2))
    is_signed_in(client)
    db.session.rollback()
    assert db.session.scalar(seen) > first


def test_the_account_page_names_the_browsers_in_words(client, admin):
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
    client.post("/", data={"email": admin.email, "password": PASSWORD}, headers={"User-Agent": agent})

    assert "Firefox on Windows" in client.get("/account/").text


def test_somebody_ends_a_session_from_afar_and_no_one_elses(client, admin, app, sign_in):
    elsewhere, stranger = app.test_client(), factories.make_login()
    sign_in(elsewhere, admin)
    sign_in(client, admin)
    other = db.session.scalars(select(LoginSession.id).order_by(LoginSession.id)).first()
    with transaction():
        sessions.start(stranger, sessions.FOR_STAFF)
    strangers = db.session.scalars(select(LoginSession.id).where(LoginSession.login_id == stranger.id)).one()

    assert client.post(f"/account/sessions/{other}/end").status_code == 303
    assert client.post(f"/account/sessions/{strangers}/end").status_code == 404

    assert not is_signed_in(elsewhere)
    assert is_signed_in(client)


def test_a_page_without_a_session_asks_to_sign_in_and_comes_back(client, admin, organization):
    wanted = f"/o/{organization.slug}/national/people/?role=auditor"
    asked = client.get(wanted)

    assert asked.status_code == 303
    page = client.get(asked.location).text
    assert "Please sign in to go on." in page
    assert send(client, admin.email, next=wanted).location == wanted


def test_a_fragment_without_a_session_sends_the_whole_page_to_sign_in(client, organization):
    page = f"http://localhost/o/{organization.slug}/national/people/?q=ann"
    answer = client.get(
        f"/o/{organization.slug}/national/people/", headers={"HX-Request": "true", "HX-Current-URL": page}
    )

    assert answer.status_code == 204
    assert answer.text == ""
    assert answer.headers["HX-Redirect"].startswith("/?next=/o/")
    assert "q%3Dann" in answer.headers["HX-Redirect"]


@pytest.mark.case("A8")
@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%5cevil.example",
        "/%2fevil.example",
        "https://evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:x=y",
        "/\r\nLocation:https://evil.example",
        "/\tevil",
        "/%09/evil.example",
        "/%00",
        "evil.example",
        " /evil",
        "/ä",
        "",
        None,
    ],
)
def test_no_target_leads_to_another_site(client, admin, target):
    assert own_path(target) is None

    answer = send(client, admin.email, **({"next": target} if target is not None else {}))

    assert answer.location.endswith("/national/")


@pytest.mark.case("A8")
def test_a_foreign_current_url_does_not_become_the_way_back(client, organization):
    answer = client.get(
        "/account/", headers={"HX-Request": "true", "HX-Current-URL": "https://evil.example/o/x/national/"}
    )

    assert answer.headers["HX-Redirect"] == "/"


@pytest.mark.case("A5")
def test_a_sign_in_sent_without_the_forms_token_is_refused(client, admin, app):
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        answer = send(client, admin.email)
    finally:
        app.config["WTF_CSRF_ENABLED"] = False

    assert answer.status_code == 400
    assert open_sessions() == 0


@pytest.mark.case("A5")
def test_another_sites_form_signs_nobody_in_or_out(client, admin, sign_in):
    sign_in(client, admin)

    answer = client.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 400
    assert is_signed_in(client)


@pytest.mark.case("A11")
@pytest.mark.parametrize("known", [True, False])
def test_guessing_at_one_account_is_stopped_with_the_same_words(client, admin, known):
    email = admin.email if known else "nobody@example.org"
    for _ in range(10):
        assert send(client, email, "a guess").status_code == 422

    stopped = send(client, email)

    assert stopped.status_code == 429
    assert int(stopped.headers["Retry-After"]) == 900
    assert "There were too many attempts to sign in." in stopped.text
    assert open_sessions() == 0


@pytest.mark.case("A11")
def test_trying_a_list_of_accounts_from_one_address_is_stopped(client, app):
    answers = [send(client, f"person{n}@example.org", "a guess").status_code for n in range(61)]

    assert answers[:60] == [422] * 60
    assert answers[60] == 429


@pytest.mark.case("A11")
def test_the_right_password_forgets_the_attempts_before_it(client, admin):
    for _ in range(3):
        for _ in range(8):
            send(client, admin.email, "a typing error")
        assert send(client, admin.email).status_code == 303


@pytest.mark.case("A11")
@pytest.mark.case("F5")
def test_without_the_counters_signing_in_is_closed_and_pages_stay_open(client, app, admin, sign_in):
    sign_in(client, admin)
    visitor = app.test_client()
    with RedisAway():
        closed = send(visitor, admin.email)
        page = client.get("/account/places/")

    assert closed.status_code == 503
    assert "Nobody can sign in right now." in closed.text
    assert closed.headers["Retry-After"]
    assert page.status_code == 200
    assert send(visitor, admin.email).status_code == 303


class RedisAway:
    """The counters' storage asks at a port where nobody listens."""

    def __enter__(self):
        self.pool = limiter.storage.storage.connection_pool
        self.port = self.pool.connection_kwargs["port"]
        self._move(1)

    def __exit__(self, *_):
        self._move(self.port)

    def _move(self, port: int) -> None:
        self.pool.disconnect()
        self.pool.connection_kwargs["port"] = port
        self.pool.reset()


def test_the_password_is_hashed_anew_when_hashing_became_dearer(client, admin):
    from argon2 import PasswordHasher

    cheap = PasswordHasher(time_cost=1, memory_cost=8 * 1024).hash(PASSWORD)
    with transaction():
        admin.password_hash = cheap

    send(client, admin.email)

    db.session.refresh(admin)
    assert admin.password_hash != cheap
    assert admin.has_password(PASSWORD)


@pytest.mark.parametrize("weak", ["short", "password1234", "aaaaaaaaaaaaaa", "Nora Admin 2026", "x" * 201])
def test_a_password_that_is_easy_to_guess_is_refused_with_a_reason(client, admin, sign_in, weak):
    sign_in(client, admin)

    answer = client.post("/account/password", data={"current": PASSWORD, "password": weak})

    assert answer.status_code == 422
    db.session.refresh(admin)
    assert admin.has_password(PASSWORD)


def test_the_own_account_page_changes_the_name_and_switches_shortcuts_off(client, admin, sign_in):
    sign_in(client, admin)
    assert "Nora Admin" in client.get("/account/").text

    client.post("/account/profile", data={"name": "Nora Okafor"})

    db.session.refresh(admin)
    assert (admin.name, admin.shortcuts) == ("Nora Okafor", False)


class TestForgottenPassword:
    def link(self, app, login: Login, **ago) -> str:
        secret = app.config["SETTINGS"].secret_key
        at = password_reset.clock.now() - timedelta(**ago)
        return "/password-reset/" + password_reset.token(login, secret, at=at)

    @pytest.mark.case("A10")
    def test_asking_gives_the_same_answer_for_everybody_and_mails_only_people(self, client, admin, jobs):
        known = client.post("/password-reset", data={"email": admin.email})
        unknown = client.post("/password-reset", data={"email": "nobody@example.org"})

        assert known.status_code == unknown.status_code == 200
        assert known.text == unknown.text
        theirs, nobodys = jobs.named("announce")
        assert theirs.arguments == {"what": "password_reset", "login_id": str(admin.id)}
        assert nobodys.arguments.keys() == theirs.arguments.keys()
        jobs.run_all()
        assert db.session.scalars(select(Mail.recipient)).all() == [admin.email]

    def test_asking_again_and_again_is_stopped(self, client, admin, jobs):
        answers = [client.post("/password-reset", data={"email": admin.email}) for _ in range(4)]

        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert len(jobs.named("announce")) == 3

    @pytest.mark.case("A12")
    def test_a_link_works_once_and_ends_every_session(self, client, admin, app, sign_in):
        elsewhere = app.test_client()
        sign_in(elsewhere, admin)
        link = self.link(app, admin)
        assert client.get(link).status_code == 200
        assert client.head(link).status_code == 200

        answer = client.post(link, data={"password": "walnut kayak 9 hinges"})

        assert (answer.status_code, answer.location) == (303, "/")
        assert not is_signed_in(elsewhere)
        assert not is_signed_in(client)
        assert client.post(link, data={"password": "another try at it 8"}).status_code == 409
        assert send(client, admin.email, "walnut kayak 9 hinges").status_code == 303

    @pytest.mark.case("A12")
    def test_two_browsers_with_one_link_change_the_password_once(self, client, admin, app):
        link = self.link(app, admin)

        def change(number: int) -> int:
            form = {"password": f"walnut kayak {number} hinges"}
            return app.test_client().post(link, data=form).status_code

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(change, range(4))) == [303, 409, 409, 409]

    def test_a_weak_password_leaves_the_link_usable(self, client, admin, app):
        link = self.link(app, admin)

        assert client.post(link, data={"password": "password1"}).status_code == 422
        assert client.post(link, data={"password": "walnut kayak 9 hinges"}).status_code == 303

    @pytest.mark.case("A12")
    def test_an_old_or_bent_link_opens_nothing(self, client, admin, app):
        assert client.get(self.link(app, admin, minutes=121)).status_code == 409
        good = self.link(app, admin)
        for bent in (good[:-2] + "xx", good[:40], "/password-reset/~", "/password-reset/" + "a" * 70):
            assert client.get(bent).status_code == 409


class TestDemo:
    @pytest.fixture
    def demo(self, app, organization):
        settings = app.config["SETTINGS"]
        app.config["SETTINGS"] = settings.model_copy(update={"environment": "demo"})
        with transaction():
            db.session.merge(organization).is_demo = True
        yield
        app.config["SETTINGS"] = settings

    def test_one_click_makes_a_visitor_anybody(self, client, admin, demo, organization):
        assert "Nora Admin, national admin" in client.get("/").text

        answer = client.post(f"/demo-sessions/{admin.id}")

        assert answer.location == f"/o/{organization.slug}/national/"
        assert is_signed_in(client)

    def test_outside_of_the_demo_there_is_no_such_door(self, client, admin, organization):
        assert "Look around as" not in client.get("/").text
        assert client.post(f"/demo-sessions/{admin.id}").status_code == 404
        assert open_sessions() == 0

    def test_a_real_organizations_login_has_no_such_door_in_the_demo(self, client, demo, admin):
        real = factories.make_organization("Real Union")
        with factories.tenancy.acting_for(real.id):
            stranger = factories.make_admin("Real Person")

        assert client.post(f"/demo-sessions/{stranger.id}").status_code == 404
