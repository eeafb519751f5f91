"""What may happen in an organization, each told to the product and to the books that are kept by hand."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests import factories
from tests.properties.documents import Bill, Page
from tests.properties.dues import Period, Person, Rate, Run
from tests.properties.office import CHAPTERS, SCHEDULES, STATUSES, Office, refused_if
from webapp.core.db import transaction
from webapp.core.errors import Refusal
from webapp.domain.billing import confirming, periods, preview, rates, undoing
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.run import BillingRun
from webapp.domain.organizations import Member
from webapp.domain.payments import voiding

T = TypeVar("T")
any_one = st.integers(0, 30)
days = st.integers(-40, 40)
amounts = st.sampled_from([0, 1, 20, 999, 5_000, 33_333])
chapters, statuses = st.sampled_from(CHAPTERS), st.sampled_from(STATUSES)


def one_of(found: Sequence[T], place: int) -> T:
    return found[place % len(found)]


class Happenings:
    office: Office

    def pages(self, **wanted: Any) -> list[Page]:
        """Those of which the given is true."""
        return [
            page
            for page in self.office.books.pages
            if all(getattr(page, name) == value for name, value in wanted.items())
        ]


class Membership(Happenings):
    def join(self, chapter: str, status: str, share: int, since: int) -> None:
        office = self.office
        person = Person(
            f"P{len(office.roll.people):03d}", chapter, status, share, office.books.today - timedelta(since)
        )
        login = factories.make_login(person.number)
        made = factories.make_member(
            office.chapter(chapter),
            office.status(status),
            number=person.number,
            login_id=login.id,
            joined_on=person.joined_on,
            ownership_share=share,
        )
        office.roll.people[person.number], office.members[person.number] = person, made.id
        office.logins[person.number] = login.id

    @rule(chapter=chapters, status=statuses, share=st.integers(0, 7), since=days)
    def somebody_joins(self, chapter: str, status: str, share: int, since: int) -> None:
        self.join(chapter, status, share, since)

    @rule(who=any_one, after=days, chapter=st.none() | chapters)
    def somebody_leaves_or_moves_to_a_chapter(self, who: int, after: int, chapter: str | None) -> None:
        person = one_of(list(self.office.roll.people.values()), who)
        if chapter is None:
            person.left_on = self.office.books.today + timedelta(after)
        else:
            person.chapter = chapter
        facts = {"left_on": person.left_on, "chapter_id": self.office.chapters[person.chapter]}
        with transaction():
            self.member(person).correct(facts, by=None)

    def member(self, person: Person) -> Member:
        return Member.here().get(self.office.members[person.number])


class Billing(Happenings):
    @rule(
        status=statuses,
        chapter=st.none() | chapters,
        amount=amounts,
        starts=st.none() | days,
        lasts=st.none() | st.integers(0, 60),
    )
    def a_rate_is_set(
        self, status: str, chapter: str | None, amount: int, starts: int | None, lasts: int | None
    ) -> None:
        office = self.office
        starts_on = None if starts is None else office.books.today + timedelta(starts)
        ends_on = None if lasts is None else (starts_on or office.books.today) + timedelta(lasts)
        rate = Rate(status, chapter, amount, starts_on, ends_on)
        try:
            with transaction():
                rates.set_rate(
                    office.status(status),
                    amount,
                    chapter=office.chapter(chapter) if chapter else None,
                    starts_on=starts_on,
                    ends_on=ends_on,
                    by=None,
                )
        except Refusal:
            return
        office.roll.rates.append(rate)

    @rule(starts=st.integers(-60, 10), lasts=st.integers(0, 70), due=st.integers(-20, 20), grace=any_one)
    def a_period_is_added(self, starts: int, lasts: int, due: int, grace: int) -> None:
        office = self.office
        starts_on = office.books.today + timedelta(starts)
        due_on = office.books.today + timedelta(due)
        code = f"P{len(office.roll.periods)}"
        period = Period(code, starts_on, starts_on + timedelta(lasts), due_on, due_on + timedelta(grace))
        with transaction():
            made = periods.add(
                code=code,
                name=f"Period {code}",
                starts_on=period.starts_on,
                ends_on=period.ends_on,
                due_on=period.due_on,
                grace_ends_on=period.grace_until,
                by=None,
            )
        office.roll.periods.append(period)
        office.periods[code] = made.id

    @precondition(lambda self: self.office.roll.periods)
    @rule(schedule=st.sampled_from(SCHEDULES), which=any_one, by=st.sampled_from(["Nora", "Omar"]))
    def a_run_is_confirmed(self, schedule: Any, which: int, by: str) -> None:
        """After a look at its preview; while one is under way, that one is the answer."""
        office = self.office
        period = one_of(office.roll.periods, which)
        under_way = office.roll.under_way(schedule, period)
        today = office.books.today
        refused = under_way.state == "undoing" if under_way else period.code in office.roll.closed
        with refused_if(refused), transaction():
            real = BillingPeriod.here().get(office.periods[period.code])
            here, told = office.organization(), office.schedule(schedule)
            seen = None if refused else preview.summary(here, told, real, dated=today)
            run = confirming.confirm(here, told, real, dated=today, by=office.login(by), seen=seen)
        if refused or under_way:
            return
        assert seen is not None
        charged = office.roll.charges(schedule, period, today)
        assert (seen.invoices, seen.total) == (len(charged), sum(charged.values()))
        made = Run(schedule, period, today, by)
        office.roll.runs.append(made)
        office.runs.append(run.id)
        office.promise(lambda: office.roll.bill(made))

    @precondition(lambda self: self.office.roll.runs)
    @rule(which=any_one, by=st.sampled_from(["Nora", "Omar"]), reason=st.sampled_from(["", "Wrong rate"]))
    def a_run_is_undone(self, which: int, by: str, reason: str) -> None:
        office = self.office
        run = one_of(office.roll.runs, which)
        refused = run.asked_by == by or not reason or office.roll.is_touched(run)
        refused = (
            refused or run.state != "done" or office.roll.under_way(run.schedule, run.period) is not None
        )
        with refused_if(refused), transaction():
            found = BillingRun.here().get(office.runs[office.roll.runs.index(run)], lock=True)
            undoing.request(found, by=office.login(by), reason=reason)
        if not refused:
            run.state = "undoing"
            office.promise(lambda: self.undo(run))

    def undo(self, run: Run) -> None:
        """The pages that were open for its bills are closed afterwards."""
        office = self.office
        office.roll.undo(run)
        if run.state == "undone":
            for bill in office.roll.bills_of(run):
                self.close_page_later(bill)

    @precondition(lambda self: self.office.books.bills)
    @rule(which=any_one)
    def an_invoice_is_voided(self, which: int) -> None:
        office = self.office
        bill = one_of(list(office.books.bills.values()), which)
        refused = bill.void
        with refused_if(refused), transaction():
            voiding.void(
                office.invoice_id(bill.number), by=None, reason="Billed in error", on=office.books.today
            )
        if not refused:
            office.books.void(bill)
            self.close_page_later(bill)

    @precondition(lambda self: self.office.roll.periods)
    @rule(which=any_one)
    def the_books_of_a_period_are_closed(self, which: int) -> None:
        office = self.office
        period = one_of(office.roll.periods, which)
        refused = period.code in office.roll.closed or period.ends_on >= office.books.today
        with refused_if(refused), transaction():
            found = BillingPeriod.here().get(office.periods[period.code], lock=True)
            found.close(by=office.login("Nora"), on=office.books.today)
        if not refused:
            office.roll.closed.add(period.code)
            office.books.closed.append((period.starts_on, period.ends_on))

    def close_page_later(self, bill: Bill) -> None:
        self.office.promise(lambda: self.office.books.close_page(bill))
