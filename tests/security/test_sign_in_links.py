"""A mailed link that signs members in: what looking ahead, passing on and hurrying get out of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from tests import factories
from tests.statements import statements
from webapp.core import clock
from webapp.core.db import db, transaction
from webapp.domain.notifications.delivery import Mail
from webapp.domain.organizations import Login, LoginSession, RoleName, SignInLink, sign_in_links
from webapp.web.limits import limiter


@pytest.fixture(autouse=True)
def _counters_start_at_zero(app):
    limiter.reset()


@pytest.fixture
def member(organization) -> Login:
    login = factories.make_login("Ana Núñez")
    person = factories.make_member(factories.make_chapter(), factories.make_status())
    factories.make_role(login, RoleName.MEMBER, member=person)
    return login


def ask(client: FlaskClient, email: str):
    return client.post("/sign-in-links/", data={"email": email})


@pytest.fixture
def link(client, member, app) -> str:
    """What the mail has, asked for in this browser."""
    ask(client, member.email)
    [row] = db.session.scalars(select(SignInLink)).all()
    return "/sign-in-links/" + sign_in_links.token(row, app.config["SETTINGS"].secret_key)


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/account/places/").status_code == 200


def open_sessions() -> int:
    return db.session.scalar(select(func.count()).where(LoginSession.ended_at.is_(None)))


def test_a_member_gets_a_mail_and_is_in_with_one_button(client, member, link, jobs, organization):
    jobs.run_all()
    [mail] = db.session.scalars(select(Mail)).all()
    assert (mail.recipient, mail.subject) == (member.email, "Your sign-in link")
    assert 'name="email"' not in client.get(link).text

    arrived = client.post(link)

    assert arrived.location == f"/o/{organization.slug}/my/"
    assert is_signed_in(client)


@pytest.mark.case("A12")
def test_mail_programs_that_look_ahead_use_nothing_up(client, link):
    for _ in range(3):
        assert client.get(link).status_code == 200
        assert client.head(link).status_code == 200
    assert open_sessions() == 0

    assert client.post(link).status_code == 303


@pytest.mark.case("A12")
def test_it_works_once(client, link, app):
    client.post(link)

    assert client.get(link).status_code == 409
    assert app.test_client().post(link).status_code == 409
    assert open_sessions() == 1


@pytest.mark.case("A12")
def test_two_at_once_open_one_session(client, member, link, app):
    def use(_: int) -> int:
        return app.test_client().post(link, data={"email": member.email}).status_code

    with ThreadPoolExecutor(2) as both:
        answers = sorted(both.map(use, range(2)))

    assert answers == [303, 409]
    assert open_sessions() == 1


@pytest.mark.case("A12")
def test_after_ten_minutes_it_is_over(client, link):
    [made] = db.session.scalars(select(SignInLink)).all()
    assert timedelta(minutes=9) < made.expires_at - made.created_at <= timedelta(minutes=10)
    with transaction():
        db.session.execute(update(SignInLink).values(expires_at=clock.now() - timedelta(seconds=1)))

    assert client.get(link).status_code == 409
    assert client.post(link).status_code == 409
    assert not is_signed_in(client)


@pytest.mark.case("A12")
def test_whoever_gets_it_passed_on_has_to_know_the_address(client, member, link, app):
    other = app.test_client()
    assert 'name="email"' in other.get(link).text

    assert other.post(link).status_code == 422
    assert other.post(link, data={"email": "mallory@example.org"}).status_code == 422
    assert not is_signed_in(other)
    assert other.post(link, data={"email": member.email.upper()}).status_code == 303


@pytest.mark.case("A12")
def test_only_its_hash_is_stored_and_the_outbox_holds_ids(client, link, jobs):
    token = link.rpartition("/")[2]
    [row] = db.session.scalars(select(SignInLink)).all()
    [job] = jobs.named("announce")

    assert token not in (row.token_hash, row.browser_hash)
    assert token not in str(job.arguments)


def test_staff_are_mailed_the_way_they_sign_in_and_no_link(client, organization, jobs):
    admin = factories.make_admin()

    said = ask(client, admin.email)

    jobs.run_all()
    [mail] = db.session.scalars(select(Mail)).all()
    assert (mail.recipient, mail.subject) == (admin.email, "Sign in with your password or passkey")
    assert said.text == ask(client, "nobody@example.org").text


def test_a_member_who_became_staff_meanwhile_does_not_get_in(client, member, link):
    factories.make_role(member, RoleName.AUDITOR)

    assert client.post(link).status_code == 409


@pytest.mark.case("A10")
@pytest.mark.parametrize("page", ["/sign-in-links/", "/password-reset"])
def test_a_stranger_gets_the_same_answer_for_the_same_work(client, member, page):
    client.post(page, data={"email": "warm@example.org"})

    def asked(email: str) -> tuple[int, str, list[str]]:
        with statements() as sent:
            answer = client.post(page, data={"email": email})
        return answer.status_code, answer.text, [statement.partition("(")[0] for statement in sent]

    assert asked(member.email) == asked("nobody@example.org")


@pytest.mark.case("A11")
def test_asking_again_and_again_is_stopped_for_everybody_alike(client, member):
    for email in (member.email, "nobody@example.org"):
        answers = [ask(client, email).status_code for _ in range(4)]
        assert answers == [200, 200, 200, 429]
