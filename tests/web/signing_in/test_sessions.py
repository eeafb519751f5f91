"""Open sessions: their tokens, how long they last, and what ends them."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.web.signing_in.steps import PASSWORD, cookie, is_signed_in, open_sessions, rewind, send
from webapp.core.db import db, transaction
from webapp.domain.organizations import LoginSession, RoleName, roles, sessions


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
