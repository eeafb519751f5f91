"""What was owed at the end of a day, written down once and for all."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import ProgrammingError

from tests import factories
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.organizations import Chapter, Member, Organization, PledgeClass
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.domain.reporting import snapshot_reading, snapshots
from webapp.domain.reporting.snapshots import AMOUNTS, Place, Snapshot, SnapshotLine

DUE = date(2026, 7, 31)
EVERYWHERE = Place()


@pytest.fixture
def members(organization: Organization) -> Sequence[Member]:
    """Two of one chapter, of whom the first is in a pledge class, and one of another; each owes 100.00."""
    alpha, beta, status = (
        factories.make_chapter(),
        factories.make_chapter("BET", "Beta"),
        factories.make_status(),
    )
    with transaction():
        pledge_class = PledgeClass.named(alpha.id, "Fall 2025")
        db.session.flush()
    people = [
        factories.make_member(alpha, status, pledge_class_id=pledge_class.id),
        factories.make_member(alpha, status),
        factories.make_member(beta, status),
    ]
    factories.make_invoice(member=people[0], due_on=DUE, grace_ends_on=DUE)
    return people


def take(organization: Organization, as_of: date) -> Snapshot:
    login = factories.make_admin()
    with transaction():
        return snapshots.take(organization, as_of, by=login)


def pay(member: Member, amount: int, on: date) -> None:
    with transaction():
        record_offline(member, amount, method=Method.CASH, on=on, by=None)


def rows(found: Any) -> list[Any]:
    return list(db.session.execute(found).all())


def test_a_snapshot_of_a_past_day_has_what_was_owed_then_by_age_member_and_pledge_class(
    organization: Organization, members: Sequence[Member]
) -> None:
    pay(members[0], 10_000, date(2026, 9, 15))

    before, after = (take(organization, day) for day in (date(2026, 9, 14), date(2026, 9, 15)))

    assert (before.members, before.owed, before.dues) == (3, 30_000, 0)
    assert before.days_31_60 == 30_000 and after.owed == 20_000
    [lines] = [rows(snapshot_reading.by_member(before.id, EVERYWHERE))]
    assert sum(line.owed for line in lines) == before.owed
    [pledged] = rows(snapshot_reading.by_pledge_class(before.id, EVERYWHERE))
    assert (pledged.name, pledged.owed) == ("Fall 2025", 10_000)
    assert [row.owed for row in rows(snapshot_reading.by_chapter(after.id, EVERYWHERE).order_by("name"))] == [
        10_000,
        10_000,
    ]


def test_a_chapters_part_is_what_its_members_owe(
    organization: Organization, members: Sequence[Member]
) -> None:
    taken = take(organization, organization.today)
    beta = Chapter.here().first(Chapter.code == "BET")
    assert beta is not None

    part = snapshot_reading.one(taken.id, Place(beta.id))

    assert (part.members, part.owed) == (1, 10_000)


def test_two_snapshots_differ_by_what_was_paid_between_them(
    organization: Organization, members: Sequence[Member]
) -> None:
    before = take(organization, date(2026, 9, 14))
    pay(members[2], 4_000, date(2026, 9, 15))
    after = take(organization, date(2026, 9, 15))

    [change] = rows(snapshot_reading.members_compared(before.id, after.id, EVERYWHERE))
    chapters = rows(snapshot_reading.chapters_compared(before.id, after.id, EVERYWHERE).order_by("name"))

    assert (change.member_id, change.before, change.after, change.change) == (
        members[2].id,
        10_000,
        6_000,
        -4_000,
    )
    assert [row.change for row in chapters] == [0, -4_000]


def test_what_is_written_down_stays_whatever_is_learned_later(
    organization: Organization, members: Sequence[Member]
) -> None:
    taken = take(organization, date(2026, 9, 15))
    pay(members[0], 10_000, date(2026, 9, 1))

    assert snapshot_reading.one(taken.id, EVERYWHERE).owed == 30_000
    for statement in (
        update(Snapshot).values(owed=0),
        delete(Snapshot),
        update(SnapshotLine).values(owed=0),
        delete(SnapshotLine),
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction():
            db.session.execute(statement)


def test_the_night_writes_down_the_day_before_once(
    organization: Organization, members: Sequence[Member]
) -> None:
    for _ in range(2):
        with transaction():
            snapshots.take_nightly(date(2028, 3, 1))

    [taken] = Snapshot.here().all()
    assert (taken.as_of, taken.taken_by_id, taken.over_90) == (date(2028, 2, 29), None, 30_000)


def test_nobody_knows_what_will_be_owed(organization: Organization) -> None:
    with pytest.raises(Invalid):
        take(organization, organization.today + timedelta(days=1))


def test_an_organization_that_is_owed_nothing_has_an_empty_snapshot(organization: Organization) -> None:
    taken = take(organization, organization.today)

    assert [getattr(taken, name) for name in AMOUNTS] == [0] * 7
    assert db.session.scalars(select(SnapshotLine)).all() == []
