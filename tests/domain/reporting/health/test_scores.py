"""Scores of chapters: measured, written down every night, read again, and what is said about them once."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import ProgrammingError
from time_machine import travel

from tests import factories
from webapp.core.db import db, transaction
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import Member, Organization
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import FeeState, Method, Payment, PaymentState
from webapp.domain.reporting.health import measuring, notices, reading, scores
from webapp.domain.reporting.health.method import Part
from webapp.domain.reporting.health.notices import HealthNotice, NoticeKind
from webapp.domain.reporting.health.reading import Order, Wanted
from webapp.domain.reporting.health.scores import ChapterHealthScore

DUE = date(2026, 7, 31)
EARLY, LATE = date(2026, 7, 20), date(2026, 10, 31)


@pytest.fixture
def members(organization: Organization) -> Sequence[Member]:
    """Two of Alpha and one of Beta, each billed 100.00 due on 31 July; Gamma was never billed."""
    status = factories.make_status()
    alpha, beta = factories.make_chapter(), factories.make_chapter("BET", "Beta Chapter")
    factories.make_chapter("GAM", "Gamma Chapter")
    people = [factories.make_member(chapter, status) for chapter in (alpha, alpha, beta)]
    factories.make_invoice(member=people[0], due_on=DUE, grace_ends_on=DUE)
    return people


def pay(member: Member, amount: int, on: date) -> None:
    with transaction():
        record_offline(member, amount, method=Method.CASH, on=on, by=None)


def keep(organization: Organization, *days: date) -> list[bool]:
    kept = []
    for day in days:
        with transaction():
            kept.append(scores.keep(organization, day))
    return kept


def look_after(organization: Organization, day: date) -> list[HealthNotice]:
    with transaction():
        scores.keep(organization, day)
        return notices.look_after(organization, day)


def ranking(
    organization: Organization, day: date, *, q: str = "", order: Order = Order.SCORE
) -> list[tuple[str, int | None]]:
    return [(one.code, one.points) for one in reading.ranking(organization, day, Wanted(q=q, order=order))]


def test_chapters_are_scored_by_what_the_documents_say_of_that_day(
    organization: Organization, members: Sequence[Member]
) -> None:
    pay(members[2], 10_000, DUE)

    early, late = (scores.worked_out(organization, day) for day in (EARLY, LATE))

    alpha, beta = members[0].chapter_id, members[2].chapter_id
    values = {part.part: part.value for part in late[alpha].parts}
    assert (values[Part.DELINQUENCY], values[Part.EFFECTIVENESS], values[Part.AGING_MIX]) == (1000, 0, 1000)
    assert {part.value for part in late[beta].parts if part.part is Part.EFFECTIVENESS} == {1000}
    assert late[alpha].points < early[alpha].points
    assert late[beta].points == 100
    assert set(late) == {alpha, beta}


def test_a_night_writes_each_score_down_once(organization: Organization, members: Sequence[Member]) -> None:
    assert keep(organization, LATE, LATE) == [True, False]

    before = {one.chapter_id: one.points for one in ChapterHealthScore.here().all()}
    pay(members[0], 10_000, LATE)

    assert len(before) == 2
    read = scores.of_chapter(organization, members[0].chapter_id, LATE)
    assert read is not None and read.points == before[members[0].chapter_id]
    assert sum(part.points for part in read.parts) == read.points


def test_the_database_refuses_to_change_a_score(
    organization: Organization, members: Sequence[Member]
) -> None:
    keep(organization, LATE)

    for statement in (update(ChapterHealthScore).values(points=100), delete(ChapterHealthScore)):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction():
            db.session.execute(statement)


def test_what_waits_is_known_for_the_day_that_is_over_and_not_for_days_before(
    organization: Organization, members: Sequence[Member]
) -> None:
    pay(members[0], 1_000, EARLY)
    yesterday = organization.today - timedelta(days=1)

    alpha = members[0].chapter_id
    assert measuring.figures(organization, yesterday)[alpha].waiting_days == 0
    assert measuring.figures(organization, LATE)[alpha].waiting_days is None


def test_a_payment_without_its_fee_is_waited_for_since_it_came(
    organization: Organization, members: Sequence[Member]
) -> None:
    with transaction() as session:
        one = Payment(member_id=members[0].id, chapter_id=members[0].chapter_id, method=Method.CARD)
        one.amount, one.currency, one.state, one.fee_state = (
            500,
            "USD",
            PaymentState.SUCCEEDED,
            FeeState.FAILED,
        )
        session.add(one)
    today = organization.today
    with travel(f"{today + timedelta(days=12)}T20:00:00Z"):
        found = measuring.figures(organization, today + timedelta(days=11))

    assert found[members[0].chapter_id].waiting_days == 11
    assert found[members[2].chapter_id].waiting_days == 0


@pytest.mark.parametrize(
    ("timezone", "over"), [("Pacific/Kiritimati", date(2028, 2, 29)), ("America/Adak", date(2028, 2, 28))]
)
def test_the_day_that_is_over_is_the_organizations_own(
    organization: Organization, members: Sequence[Member], timezone: str, over: date
) -> None:
    """At this moment it is 1 March on Kiritimati and still 29 February on Adak."""
    with travel("2028-02-29T13:00:00Z", tick=False), transaction() as session:
        here = session.merge(organization)
        here.timezone = timezone
        notices.pass_night(here, here.today)

    assert {one.as_of for one in ChapterHealthScore.here().all()} == {over}


def test_chapters_are_ranked_worst_first_or_as_asked_and_those_without_a_score_come_last(
    organization: Organization, members: Sequence[Member]
) -> None:
    pay(members[2], 10_000, DUE)
    keep(organization, LATE)

    assert [code for code, _ in ranking(organization, LATE)] == ["ALP", "BET", "GAM"]
    assert [code for code, _ in ranking(organization, LATE, order=Order.BEST)] == ["BET", "ALP", "GAM"]
    assert [code for code, _ in ranking(organization, LATE, order=Order.NAME_BACK)] == ["GAM", "BET", "ALP"]
    assert [code for code, _ in ranking(organization, LATE, q="bet")] == ["BET"]
    assert ranking(organization, LATE)[2] == ("GAM", None)


def test_a_day_without_kept_scores_is_worked_out(
    organization: Organization, members: Sequence[Member]
) -> None:
    before = ranking(organization, LATE)
    keep(organization, LATE)

    assert ranking(organization, LATE) == before


def test_a_score_changes_against_the_one_of_30_days_before(
    organization: Organization, members: Sequence[Member]
) -> None:
    thirty_before = LATE - timedelta(days=30)
    keep(organization, thirty_before, date(2026, 9, 30), LATE)

    [alpha, *_] = reading.ranking(organization, LATE, Wanted(q="alp"))
    kept = {one.as_of: one.points for one in reading.of_chapter(organization, LATE, alpha.id).recent}

    assert alpha.change == kept[LATE] - kept[thirty_before]
    assert [one.as_of for one in alpha.months] == [date(2026, 9, 30), LATE]
    assert reading.ranking(organization, thirty_before, Wanted(q="alp"))[0].change is None


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        (date(2028, 2, 29), date(2027, 3, 31), date(2028, 2, 29)),
        (date(2028, 3, 15), date(2027, 3, 31), date(2028, 2, 29)),
        (date(2026, 1, 1), date(2025, 1, 31), date(2025, 12, 31)),
    ],
)
def test_a_year_has_twelve_month_ends(day: date, first: date, last: date) -> None:
    ends = reading.month_ends(day)

    assert (len(ends), ends[0], ends[-1]) == (12, first, last)


def test_a_notice_is_raised_once_and_is_over_when_the_score_recovers(
    organization: Organization, members: Sequence[Member]
) -> None:
    alpha = members[0].chapter_id
    with transaction():
        DuesSettings.of(organization).change(by=None, health_below=50, health_fall=None)

    first, second = (look_after(organization, day) for day in (LATE, LATE + timedelta(days=1)))
    for member in members:
        pay(member, 10_000, LATE + timedelta(days=2))
    recovered = look_after(organization, LATE + timedelta(days=2))

    assert {(one.chapter_id, one.kind, one.limit) for one in first} == {
        (alpha, NoticeKind.BELOW, 50),
        (members[2].chapter_id, NoticeKind.BELOW, 50),
    }
    assert (second, recovered) == ([], [])
    assert {one.ended_on for one in notices.of_chapter(alpha)} == {LATE + timedelta(days=2)}


def test_a_fall_is_told_from_the_best_of_the_30_days_before(
    organization: Organization, members: Sequence[Member]
) -> None:
    with transaction():
        DuesSettings.of(organization).change(by=None, health_below=None, health_fall=15)

    before = look_after(organization, DUE)
    fallen = look_after(organization, DUE + timedelta(days=3))
    [stands] = [one for one in reading.ranking(organization, DUE + timedelta(days=3), Wanted(q="alp"))]
    over = look_after(organization, DUE + timedelta(days=40))

    assert (before, over) == ([], [])
    assert {(one.kind, one.highest) for one in fallen} == {(NoticeKind.FALLEN, 100)}
    assert all(one.highest - one.points > 15 for one in fallen if one.highest is not None)
    assert list(stands.notices) == [NoticeKind.FALLEN]
    assert HealthNotice.here().first(HealthNotice.ended_on.is_(None)) is None


def test_a_day_before_one_that_was_looked_at_raises_nothing(
    organization: Organization, members: Sequence[Member]
) -> None:
    keep(organization, LATE)

    assert look_after(organization, LATE - timedelta(days=1)) == []


def test_without_limits_nothing_is_raised(organization: Organization, members: Sequence[Member]) -> None:
    with transaction():
        DuesSettings.of(organization).change(by=None, health_below=None, health_fall=None)

    assert look_after(organization, LATE) == []
