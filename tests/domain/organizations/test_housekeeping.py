"""Nothing is kept longer than it is of use."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests import factories
from webapp.core import clock
from webapp.core.db import db, transaction
from webapp.core.request_keys import RequestKey
from webapp.domain.notifications import daily
from webapp.domain.notifications.links import Links
from webapp.domain.organizations import Organization, RoleName, invitations, sessions
from webapp.domain.organizations.invitations import Invitation
from webapp.domain.organizations.sessions import LoginSession

LINKS = Links("https://dues.example.org", "a secret that only tests know")


def ago(days: int) -> Any:
    return clock.now() - timedelta(days=days)


def pass_day(organization: Organization, day: date = date(2026, 9, 1)) -> int:
    with transaction():
        run, _ = daily.pass_day(organization, day, LINKS)
    return int(run.counts["cleared_away"])


def make_session(**changes: Any) -> None:
    """Somebody who signed in just now, but for the changes."""
    login = factories.make_login()
    with transaction() as session:
        sessions.start(login, sessions.FOR_STAFF)
        session.flush()
        made = session.query(LoginSession).filter_by(login_id=login.id).one()
        for name, value in changes.items():
            setattr(made, name, value)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({}, 1),
        ({"ended_at": ago(29)}, 1),
        ({"ended_at": ago(31)}, 0),
        ({"expires_at": ago(31)}, 0),
        ({"last_seen_at": ago(31)}, 0),
    ],
)
def test_sessions_go_a_month_after_they_are_over(
    organization: Organization, changes: dict[str, Any], left: int
) -> None:
    make_session(**changes)
    assert pass_day(organization) == 1 - left
    assert db.session.query(LoginSession).count() == left


def test_answers_go_after_a_week_in_this_organization_alone(organization: Organization) -> None:
    with transaction() as session:
        for key, days in (("new", 6), ("old", 8)):
            row = {"key": key, "scope": "somebody|POST /", "fingerprint": "f"}
            session.add(RequestKey(**row, created_at=ago(days)))
    assert pass_day(organization) == 1
    assert [row.key for row in RequestKey.here().all()] == ["new"]


def test_invitations_go_three_months_after_they_expired(organization: Organization) -> None:
    by = factories.make_admin()
    with transaction():
        for email, days in (("new@example.org", 89), ("old@example.org", 91)):
            made = invitations.invite(email, RoleName.AUDITOR, by=by, secret="a secret")
            made.expires_at = ago(days)
    assert pass_day(organization) == 1
    assert [row.email for row in Invitation.here().all()] == ["new@example.org"]
