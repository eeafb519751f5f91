"""What may happen in an organization, each told to the product and to the books that are kept by hand."""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests import factories
from tests.processor import ADDRESSES
from tests.properties.books import Bill, Page, Receipt, Refund
from tests.properties.dues import Period, Person, Rate, Run
from tests.properties.office import CHAPTERS, SCHEDULES, STATUSES, Office, refused_if
from webapp.core.db import transaction
from webapp.core.errors import Refusal
from webapp.domain.billing import confirming, periods, preview, rates, undoing
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.run import BillingRun
from webapp.domain.organizations import Member
from webapp.domain.payments.payment import Method
from webapp.domain.payments.receiving import record_offline
from webapp.domain.payments.spreading import Spread, as_named, in_proportion, oldest_first, only
from webapp.web import paying

T = TypeVar("T")
any_one = st.integers(0, 30)
days = st.integers(-40, 40)
amounts = st.sampled_from([0, 1, 20, 999, 5_000, 33_333])
chapters, statuses = st.sampled_from(CHAPTERS), st.sampled_from(STATUSES)
LEAST_ONLINE = 50
"""The processor takes no smaller payment."""


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
        made = factories.make_member(
            office.chapter(chapter),
            office.status(status),
            number=person.number,
            email=None,
            joined_on=person.joined_on,
            ownership_share=share,
        )
        office.roll.people[person.number], office.members[person.number] = person, made.id

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
        same = [run for run in office.roll.runs if (run.schedule, run.period) == (schedule, period)]
        under_way = next((run for run in same if run.state in ("confirmed", "undoing")), None)
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
        refused = run.asked_by == by or run.state != "done" or not reason or office.roll.is_touched(run)
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
        refused = bill.void or bill.paid > 0
        with refused_if(refused), transaction():
            invoice = Invoice.here().get(office.invoice_id(bill.number), lock=True)
            invoice.void(by=None, reason="Billed in error", on=office.books.today)
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


class Paying(Billing, Membership):
    """Money that comes in by hand, and payment pages."""

    @rule(
        who=any_one,
        how_much=st.sampled_from(["a part", "all", "one", "more", "nothing"]),
        method=st.sampled_from([Method.CASH, Method.CHECK, Method.BANK_TRANSFER, Method.PAYROLL_DEDUCTION]),
        ago=st.sampled_from([0, 0, 0, -1, 1, 12, 25, 45]),
        way=st.sampled_from(["oldest first", "in proportion", "one", "named", "too much named"]),
        which=any_one,
    )
    def money_is_recorded(
        self, who: int, how_much: str, method: Method, ago: int, way: str, which: int
    ) -> None:
        office, books = self.office, self.office.books
        person = one_of(list(office.roll.people.values()), who)
        owed = books.owed_by(person.number)
        whole = sum(bill.owed for bill in owed)
        first = one_of(owed, which).owed if owed else 7
        amount = {"a part": whole // 3, "all": whole, "one": first, "more": whole + 77, "nothing": 0}[
            how_much
        ]
        day = books.today - timedelta(ago)
        parts, spread, impossible = self.spread(way, amount, owed, which)
        refused = amount <= 0 or day > books.today or books.is_closed(day) or impossible
        with refused_if(refused), transaction():
            record_offline(self.member(person), amount, method=method, on=day, by=None, spread=spread)
        if refused:
            return
        settled = [bill.chapter for bill, _ in parts]
        own = person.chapter in settled or not settled
        books.receive(Receipt(person.number, person.chapter if own else settled[0], amount, day), parts)
        for bill, _ in parts:
            if books.unfinished(bill):
                self.close_page_later(bill)

    def spread(
        self, way: str, amount: int, owed: list[Bill], which: int
    ) -> tuple[list[tuple[Bill, int]], Spread, bool]:
        """Which bill gets what, how the product is told, and whether it has to say no."""
        if way == "in proportion":
            return in_parts(amount, owed), in_proportion, False
        if way == "oldest first" or not owed:
            return filled(amount, owed), oldest_first, False
        bill = one_of(owed, which)
        invoice_id = self.office.invoice_id(bill.number)
        if way == "one":
            return filled(amount, [bill]), only(Invoice.here().get(invoice_id)), False
        part = bill.owed + 1 if way == "too much named" else max(1, min(amount, bill.owed) // 2)
        return [(bill, part)], as_named({invoice_id: part}), part > min(amount, bill.owed)

    @precondition(lambda self: self.office.books.bills)
    @rule(which=any_one)
    def a_page_is_opened(self, which: int) -> None:
        """The one that is open, or a new one; a page for another sum is closed first."""
        office, books = self.office, self.office.books
        bill = one_of(list(books.bills.values()), which)
        if self.can_be_paid(bill):
            books.close_page(bill)
        unfinished = books.unfinished(bill)
        too_little = unfinished is None and bill.owed < LEAST_ONLINE
        refused = not self.can_be_paid(bill) or too_little
        with refused_if(refused):
            checkout = paying.open_checkout(office.invoice_id(bill.number), ADDRESSES)
        if not refused and unfinished is None:
            books.pages.append(Page(bill.number, bill.owed))
            office.remember(checkout)
        elif unfinished is not None and not refused:
            assert checkout.url == office.at_processor(unfinished, "url")

    def can_be_paid(self, bill: Bill) -> bool:
        return bill.owed > 0 and not self.office.books.is_under_way(bill)


def filled(amount: int, owed: list[Bill]) -> list[tuple[Bill, int]]:
    parts = []
    for bill in owed:
        part = min(amount, bill.owed)
        amount -= part
        if part:
            parts.append((bill, part))
    return parts


def in_parts(amount: int, owed: list[Bill]) -> list[tuple[Bill, int]]:
    """Each its share; cents that are left go to the largest remainders, of equals to the one due first."""
    whole = sum(bill.owed for bill in owed)
    amount = min(amount, whole)
    exact = [Fraction(amount * bill.owed, whole) for bill in owed]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(owed)), key=lambda place: parts[place] - exact[place])
    for place in by_remainder[: amount - sum(parts)]:
        parts[place] += 1
    return [(bill, part) for bill, part in zip(owed, parts, strict=True) if part]


class AtTheProcessor(Paying):
    """What payers, banks and officers do there, and how we hear of it."""

    @precondition(lambda self: self.pages(there="open"))
    @rule(
        which=any_one,
        instrument=st.sampled_from(["success", "success", "bank_waits", "generic_decline"]),
        fee_is_late=st.booleans(),
    )
    def somebody_pays(self, which: int, instrument: str, fee_is_late: bool) -> None:
        page = one_of(self.pages(there="open"), which)
        self.office.shop.sandbox.settings(fee_delay=None if fee_is_late else 0)
        self.office.shop.sandbox.pay(self.office.at_processor(page, "url"), instrument)
        self.office.note_attempt(page)
        if instrument == "generic_decline":
            return
        page.there = "done"
        page.money = "under way" if instrument == "bank_waits" else "here"
        if page.money == "here" and not fee_is_late:
            page.fee = card_fee(page.amount)

    @precondition(lambda self: self.due_online())
    @rule(which=any_one, hears=st.booleans())
    def somebody_pays_at_once(self, which: int, hears: bool) -> None:
        bill = one_of(self.due_online(), which)
        self.a_page_is_opened(list(self.office.books.bills.values()).index(bill))
        page = self.office.books.unfinished(bill)
        assert page is not None
        if page.there == "open":
            self.somebody_pays(self.pages(there="open").index(page), "success", fee_is_late=False)
        if hears:
            self.somebody_looks_regularly()

    def due_online(self) -> list[Bill]:
        bills = self.office.books.bills.values()
        return [bill for bill in bills if bill.owed >= LEAST_ONLINE and self.can_be_paid(bill)]

    @precondition(lambda self: self.pages(money="under way"))
    @rule(which=any_one, settles=st.booleans())
    def a_bank_answers(self, which: int, settles: bool) -> None:
        page = one_of(self.pages(money="under way"), which)
        self.office.shop.sandbox.settings(fee_delay=0)
        intent = self.office.at_processor(page, "intent")
        self.office.shop.sandbox.act(intent, "settlement" if settles else "failure")
        page.money = "here" if settles else "back"
        if settles:
            page.fee = min((page.amount * 8 + 500) // 1000, 500)

    @precondition(lambda self: self.pages(money="here", fee=None))
    @rule(which=any_one)
    def a_late_fee_is_told(self, which: int) -> None:
        page = one_of(self.pages(money="here", fee=None), which)
        self.office.shop.sandbox.act(self.office.at_processor(page, "charge"), "fee")
        page.fee = card_fee(page.amount)

    @precondition(lambda self: self.refundable())
    @rule(
        which=any_one,
        all_of_it=st.booleans(),
        course=st.sampled_from(
            ["succeeded", "pending_then_succeeded", "pending_then_failed", "succeeded_then_failed"]
        ),
    )
    def money_is_refunded(self, which: int, all_of_it: bool, course: str) -> None:
        page = one_of(self.refundable(), which)
        left = self.left(page)
        amount = left if all_of_it else -(-left // 3)
        self.office.refund(page, amount, course)
        page.refunds.append(Refund(amount, course, course.partition("_then_")[0]))

    @precondition(lambda self: self.unfinished_refunds())
    @rule(which=any_one)
    def a_refund_comes_to_its_end(self, which: int) -> None:
        page, refund = one_of(self.unfinished_refunds(), which)
        refund.there = refund.course.partition("_then_")[2]
        found = self.office.shop.sandbox.objects("refund")
        charge = self.office.at_processor(page, "charge")
        mine = [one for one in reversed(found) if one["charge"] == charge]
        action = "settlement" if refund.there == "succeeded" else "failure"
        self.office.shop.sandbox.act(mine[page.refunds.index(refund)]["id"], action)

    def refundable(self) -> list[Page]:
        return [page for page in self.pages(money="here") if self.left(page)]

    def left(self, page: Page) -> int:
        return page.amount - sum(one.amount for one in page.refunds if one.there != "failed")

    def unfinished_refunds(self) -> list[tuple[Page, Refund]]:
        return [
            (page, refund)
            for page in self.pages(money="here")
            for refund in page.refunds
            if "then" in refund.course and refund.there == refund.course.partition("_then_")[0]
        ]

    @rule(which=any_one)
    def an_event_is_delivered(self, which: int) -> None:
        """Any of them, for the first time or again, before or after others."""
        events = self.office.shop.events(*HEARD)
        if not events:
            return
        event = one_of(events, which)
        assert self.office.shop.deliver(event) == 200
        page = self.office.page_of(event)
        if page is not None and event["id"] not in self.office.shop.delivered:
            self.office.promise(lambda: self.hear(page, event))
        self.office.shop.delivered.add(event["id"])

    def hear(self, page: Page, event: dict[str, Any]) -> None:
        """A refund names nothing of ours: before we have seen its payment it means nothing to us."""
        if event["data"]["object"]["object"] != "refund" or page.known:
            self.office.books.look(page)

    @rule()
    def the_workers_catch_up(self) -> None:
        self.office.work()

    @rule()
    def somebody_looks_regularly(self) -> None:
        """What no webhook brought is found."""
        office = self.office
        office.work()
        office.shop.look_through()
        for page in office.books.pages:
            office.books.look(page)
        office.shop.delivered |= {event["id"] for event in office.shop.events(*HEARD)}

    @rule(days=st.sampled_from([1, 7, 30]))
    def days_pass(self, days: int) -> None:
        self.office.pass_days(days)


def card_fee(amount: int) -> int:
    return (amount * 29 + 500) // 1000 + 30


HEARD = (
    "checkout.session.completed", "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed", "checkout.session.expired", "payment_intent.succeeded",
    "payment_intent.payment_failed", "payment_intent.processing", "charge.updated", "charge.refunded",
    "charge.refund.updated", "refund.failed",
)  # fmt: skip
