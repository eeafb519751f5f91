"""What payers, banks and officers do at the processor, and how the organization hears of it."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.properties.documents import Bill, Page, Refund
from tests.properties.happenings import LEAST_ONLINE, Paying, any_one, one_of


class AtTheProcessor(Paying):
    """All that may happen."""

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
        if page is not None and page.there == "open":
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
        self.office.deliver(event)
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
    "charge.refund.updated", "refund.created", "refund.updated", "refund.failed",
)  # fmt: skip
