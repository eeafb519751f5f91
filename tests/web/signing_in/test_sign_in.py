"""Getting in and out, and what a thief of a link or a list of passwords gets."""

import pytest
from sqlalchemy import func

from tests import factories
from tests.web.signing_in.steps import PASSWORD, RedisAway, is_signed_in, open_sessions, send
from webapp.core.db import db, transaction
from webapp.domain.organizations import RoleName, roles
from webapp.web.auth import own_path


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


def test_a_disabled_login_stays_outside_and_its_open_session_ends(client, admin, sign_in):
    sign_in(client, admin)
    with transaction():
        admin.disabled_at = func.now()

    assert not is_signed_in(client)
    assert send(client, admin.email).status_code == 422


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


def test_the_password_is_hashed_anew_when_hashing_became_dearer(client, admin):
    from argon2 import PasswordHasher

    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
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
