"""What payers, banks and officers do at the processor, and how the organization hears of it."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.properties.documents import Bill, Dispute, Page, Refund
from tests.properties.happenings import any_one, one_of
from tests.properties.paying import LEAST_ONLINE, Paying
from webapp.domain.payments.inbox import KINDS

HEARD = tuple(sorted(KINDS))
COURSES = ("succeeded", "pending_then_succeeded", "pending_then_failed", "succeeded_then_failed")
DISPUTE_FEE = 15_00
DISPUTE_STEPS = {
    "inquiry": [("escalation", "contested"), ("win", "closed")],
    "contested": [("win", "won"), ("loss", "lost")],
    "lost": [("appeal", "contested")],
}


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
        page.by_bank = instrument == "bank_waits"
        page.money = "under way" if page.by_bank else "here"
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
    @rule(which=any_one, all_of_it=st.booleans(), course=st.sampled_from(COURSES))
    def money_is_refunded_there(self, which: int, all_of_it: bool, course: str) -> None:
        """On the processor's own page."""
        page = one_of(self.refundable(), which)
        left = page.left_there
        amount = left if all_of_it else -(-left // 3)
        self.office.refunds_go(course)
        self.office.refund_there(page, amount)
        refund = Refund(amount, None, there=course.partition("_then_")[0], course=course)
        self.office.remember_refund(page, refund)

    @precondition(lambda self: self.unfinished_refunds())
    @rule(which=any_one)
    def a_refund_comes_to_its_end(self, which: int) -> None:
        refund = one_of(self.unfinished_refunds(), which)
        refund.there = refund.course.partition("_then_")[2]
        action = "settlement" if refund.there == "succeeded" else "failure"
        self.office.shop.sandbox.act(refund.name[1], action)

    def refundable(self) -> list[Page]:
        """Not what an officer gives back at the same time, by check or on the way to the processor."""
        busy = [
            one.receipt
            for one in self.office.books.refunds
            if one.here == "released" or (one.by_check and one.here not in ("failed", "dropped"))
        ]
        found = [page for page in self.pages(money="here") if page.left_there]
        return [page for page in found if page.receipt is None or page.receipt not in busy]

    def unfinished_refunds(self) -> list[Refund]:
        return [
            refund
            for page in self.pages(money="here")
            for refund in page.refunds
            if "then" in refund.course and refund.there == refund.course.partition("_then_")[0]
        ]

    @precondition(lambda self: self.contestable())
    @rule(which=any_one, all_of_it=st.booleans(), inquiry=st.booleans())
    def a_bank_asks_back(self, which: int, all_of_it: bool, inquiry: bool) -> None:
        page = one_of(self.contestable(), which)
        amount = page.amount if all_of_it else -(-page.amount // 3)
        dispute = Dispute(amount, "inquiry" if inquiry else "contested", page.by_bank)
        if not inquiry:
            dispute.movements.append((amount, DISPUTE_FEE))
        page.disputes.append(dispute)
        self.office.dispute_there(page, amount, inquiry=inquiry)

    @precondition(lambda self: self.moving_disputes())
    @rule(which=any_one, goes_on=st.integers(0, 1), fee_returned=st.booleans())
    def a_dispute_moves_on(self, which: int, goes_on: int, fee_returned: bool) -> None:
        page, dispute = one_of(self.moving_disputes(), which)
        step, after = one_of(DISPUTE_STEPS[dispute.there], goes_on)
        values = {"fee_returned": fee_returned} if step == "win" else {}
        self.office.shop.sandbox.act(self.office.at_processor(page, "dispute"), step, **values)
        dispute.there = after
        if step == "escalation":
            dispute.movements.append((dispute.amount, DISPUTE_FEE))
        elif after == "won":
            dispute.movements.append((-dispute.amount, -DISPUTE_FEE if fee_returned else 0))

    @precondition(lambda self: self.returnable_debits())
    @rule(which=any_one, as_dispute=st.booleans())
    def a_bank_takes_a_debit_back(self, which: int, as_dispute: bool) -> None:
        """It had succeeded. The processor tells it as a lost dispute or as a failed charge."""
        page = one_of(self.returnable_debits(), which)
        fee = DISPUTE_FEE if as_dispute else 0
        page.disputes.append(Dispute(page.amount, "lost", True, [(page.amount, fee)]))
        self.office.return_debit(page, as_dispute=as_dispute)

    def contestable(self) -> list[Page]:
        return [page for page in self.pages(money="here") if not page.disputes]

    def moving_disputes(self) -> list[tuple[Page, Dispute]]:
        return [
            (page, dispute)
            for page in self.pages()
            for dispute in page.disputes
            if dispute.there in DISPUTE_STEPS and self.office.knows(page, "dispute")
        ]

    def returnable_debits(self) -> list[Page]:
        return [page for page in self.contestable() if page.by_bank and page.fee is not None]

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
            self.office.promise(lambda: self.office.books.look(page))
        self.office.shop.delivered.add(event["id"])

    @rule()
    def the_workers_catch_up(self) -> None:
        self.office.work()

    @rule()
    def somebody_looks_regularly(self) -> None:
        """What no webhook brought is found."""
        office = self.office
        office.work()
        office.shop.look_through()
        for event in office.shop.events(*HEARD):
            page = office.page_of(event)
            if page is not None and event["id"] not in office.shop.delivered:
                office.books.look(page)
            office.shop.delivered.add(event["id"])
        office.work()

    @rule(days=st.sampled_from([1, 7, 30]))
    def days_pass(self, days: int) -> None:
        self.office.pass_days(days)


def card_fee(amount: int) -> int:
    return (amount * 29 + 500) // 1000 + 30
