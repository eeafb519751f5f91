"""Who is in good standing: by the rule, by a grant, and by letters that hold until they do not."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tests import factories
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import Login, Member, Organization
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.domain.reporting.standing import good_standing
from webapp.domain.reporting.standing import letters as standing_letters
from webapp.domain.reporting.standing import waivers as standing_waivers
from webapp.domain.reporting.standing.good_standing import Basis, Wanted
from webapp.domain.reporting.standing.letters import StandingLetter

SECRET = "only tests know it"


def owing(due_on: date, amount: int = 10_000) -> Member:
    invoice = factories.make_invoice(amount, due_on=due_on, grace_ends_on=due_on)
    return Member.here().get(invoice.member_id)


def pay(member: Member, amount: int, on: date) -> None:
    with transaction():
        record_offline(member, amount, method=Method.CASH, on=on, by=None)


def set_days(organization: Organization, days: int) -> None:
    with transaction():
        DuesSettings.of(organization).change(by=None, standing_after_days=days)


def grant(member: Member, by: Login, *, until: date, on: date) -> None:
    with transaction():
        standing_waivers.grant(member, until=until, reason="Between two jobs", by=by, on=on)


def write(member: Member, organization: Organization, by: Login) -> StandingLetter:
    with transaction():
        return standing_letters.write(member, organization, by=by, secret=SECRET)


def night(organization: Organization, day: date) -> int:
    with transaction():
        return standing_letters.mark_lapsed(organization, day)


@pytest.mark.parametrize("due_on", [date(2028, 1, 30), date(2028, 2, 29), date(2026, 10, 31)])
@pytest.mark.parametrize("days", [0, 30])
def test_a_debt_ends_good_standing_the_day_after_those_that_the_rule_allows(
    organization: Organization, due_on: date, days: int
) -> None:
    set_days(organization, days)
    member = owing(due_on)
    last = due_on + timedelta(days=days)

    standings = [good_standing.of(member, last + timedelta(days=more)) for more in (0, 1)]

    assert [one.basis for one in standings] == [Basis.SETTLED, Basis.OWES]
    assert (standings[1].too_old, standings[1].oldest_due_on) == (10_000, due_on)


def test_the_reason_says_what_is_too_old_and_names_no_debt_of_whoever_is_in_good_standing(
    organization: Organization,
) -> None:
    member = owing(date(2026, 7, 31))
    said = [
        good_standing.of(member, day).sentence(organization) for day in (date(2026, 8, 1), date(2026, 9, 1))
    ]
    pay(member, 10_000, date(2026, 9, 2))

    assert said == [
        "Owes nothing that was due more than 30 days before.",
        "Owes $100.00 that was due more than 30 days before, the oldest since July 31, 2026.",
    ]
    assert good_standing.of(member, date(2026, 9, 2)).is_good


@pytest.mark.parametrize("timezone", ["Pacific/Kiritimati", "America/Adak"])
def test_the_day_is_the_organizations_own(timezone: str, organization: Organization) -> None:
    with transaction() as session:
        session.get_one(Organization, organization.id).timezone = timezone
    organization = db.session.get_one(Organization, organization.id)
    set_days(organization, 0)
    member = owing(date(2026, 11, 1))
    midnight = datetime(2026, 11, 2, tzinfo=ZoneInfo(timezone))

    with time_machine.travel(midnight - timedelta(seconds=1), tick=False):
        before = good_standing.of(member, organization.today).is_good
    with time_machine.travel(midnight, tick=False):
        after = good_standing.of(member, organization.today).is_good

    assert (before, after) == (True, False)


def test_what_is_granted_counts_from_its_day_to_its_last_and_is_written_down(
    organization: Organization,
) -> None:
    admin, member = factories.make_admin(), owing(date(2026, 1, 31))
    grant(member, admin, until=date(2026, 12, 31), on=date(2026, 11, 1))
    days = [date(2026, 10, 31), date(2026, 11, 1), date(2026, 12, 31), date(2027, 1, 1)]

    standings = [good_standing.of(member, day) for day in days]

    assert [one.basis for one in standings] == [Basis.OWES, Basis.WAIVED, Basis.WAIVED, Basis.OWES]
    assert standings[1].sentence(organization) == "Good standing is granted until December 31, 2026."
    assert standings[1].waiver_reason == "Between two jobs"
    [noted] = AuditEntry.here().all(AuditEntry.subject_id == member.id)
    assert (noted.action, noted.by_name, noted.reason) == (
        "good standing granted",
        admin.name,
        "Between two jobs",
    )


def test_what_is_ended_counts_no_more_from_that_day_on(organization: Organization) -> None:
    admin, member = factories.make_admin(), owing(date(2026, 1, 31))
    grant(member, admin, until=date(2026, 12, 31), on=date(2026, 11, 1))

    with transaction():
        standing_waivers.end(member, by=admin, on=date(2026, 11, 20))

    days = [date(2026, 11, 19), date(2026, 11, 20)]
    assert [good_standing.of(member, day).is_good for day in days] == [True, False]
    with pytest.raises(Conflict):
        standing_waivers.end(member, by=admin, on=date(2026, 11, 21))


def test_nobody_grants_good_standing_for_the_past_for_ever_or_without_a_reason(
    organization: Organization,
) -> None:
    admin, member, today = factories.make_admin(), owing(date(2026, 1, 31)), date(2026, 11, 1)

    with pytest.raises(Invalid) as past:
        standing_waivers.grant(member, until=date(2026, 10, 31), reason=" ", by=admin, on=today)
    with pytest.raises(Invalid) as endless:
        standing_waivers.grant(member, until=date(2029, 1, 1), reason="Kind", by=admin, on=today)

    assert (set(past.value.fields), set(endless.value.fields)) == ({"until", "reason"}, {"until"})


def test_a_list_has_those_who_are_members_on_the_day(organization: Organization) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    here = factories.make_member(chapter, status)
    factories.make_member(chapter, status, left_on=date(2026, 10, 31))
    factories.make_member(chapter, status, joined_on=date(2026, 11, 2))
    owing(date(2026, 1, 31))
    day = date(2026, 11, 1)

    in_chapter = db.session.execute(good_standing.listed(Wanted(chapter.id), day)).all()
    good, not_good = (
        db.session.execute(good_standing.listed(Wanted(good=good), day)).all() for good in (True, False)
    )

    assert [row.id for row in in_chapter] == [row.id for row in good] == [here.id]
    assert [row.basis for row in not_good] == ["owes"]


def test_a_letter_holds_until_a_debt_grows_too_old_and_never_again(organization: Organization) -> None:
    admin, today = factories.make_admin(), organization.today
    member = owing(today - timedelta(days=30))
    letter = write(member, organization, admin)

    assert write(member, organization, admin).id == letter.id
    found = standing_letters.with_code(letter.code(SECRET).lower().replace("-", " "))
    assert found is not None and standing_letters.lapsed_on(found, organization) is None
    assert night(organization, today) == 0

    assert night(organization, today + timedelta(days=1)) == 1
    pay(member, 10_000, today)
    assert standing_letters.lapsed_on(letter, organization) == today + timedelta(days=1)
    assert write(member, organization, admin).id != letter.id


def test_a_letter_holds_no_more_at_once_when_the_books_change(organization: Organization) -> None:
    admin, today = factories.make_admin(), organization.today
    member = owing(today - timedelta(days=40))
    grant(member, admin, until=today, on=today)
    letter = write(member, organization, admin)

    with transaction():
        standing_waivers.end(member, by=admin, on=today)

    assert standing_letters.lapsed_on(letter, organization) == today


def test_a_letter_about_another_name_holds_no_more(organization: Organization) -> None:
    member = owing(organization.today)
    letter = write(member, organization, factories.make_admin())

    with transaction():
        Member.here().get(member.id).correct({"last_name": "Somebody Else"}, by=None)

    assert standing_letters.lapsed_on(letter, organization) == organization.today


def test_whoever_is_not_in_good_standing_gets_no_letter(organization: Organization) -> None:
    member = owing(organization.today - timedelta(days=31))

    with pytest.raises(Conflict, match="not in good standing"):
        write(member, organization, factories.make_admin())


def test_a_past_day_is_judged_by_what_was_owed_then(organization: Organization) -> None:
    member = owing(date(2026, 7, 31))
    pay(member, 10_000, date(2026, 9, 15))
    days = [date(2026, 8, 30), date(2026, 8, 31), date(2026, 9, 14), date(2026, 9, 15)]

    standings = [good_standing.of(member, day, past=True) for day in days]
    listed = [
        db.session.execute(good_standing.listed(Wanted(good=False), day, past=True)).all() for day in days
    ]

    assert [one.is_good for one in standings] == [True, False, False, True]
    assert [[row.id for row in rows] for rows in listed] == [[], [member.id], [member.id], []]
    assert standings[1].too_old == 10_000
