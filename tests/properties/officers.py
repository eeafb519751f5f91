"""What officers do about what is owed and about credit, told to the product and to the books kept by hand."""

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.properties.at_processor import AtTheProcessor
from tests.properties.documents import BAD_DEBT, OTHER_INCOME, WAIVERS, Bill, Note, Page, Part, Receipt
from tests.properties.happenings import any_one, one_of
from tests.properties.office import ADJUSTED_ALONE, Wish, refused_if
from tests.properties.paying import filled
from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.billing import adjusting
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import AdjustmentKind, Direction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import oldest_first
from webapp.domain.credits import applying, goodwill
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.payments import reallocating
from webapp.domain.payments.payment import Allocation

officers = st.sampled_from(["Nora", "Omar"])
ACCOUNTS = {AdjustmentKind.FEE: OTHER_INCOME, AdjustmentKind.WRITE_OFF: BAD_DEBT}
"""What stands against the receivable; a correction's is the bill's income, all others' are waivers."""


class Officers(AtTheProcessor):
    @precondition(lambda self: self.office.books.bills)
    @rule(
        which=any_one,
        kind=st.sampled_from(AdjustmentKind),
        raises=st.booleans(),
        how_much=st.sampled_from(["a part", "a part", "all", "too much", "nothing"]),
        reason=st.sampled_from(["Lost the job", "Lost the job", " "]),
        by=officers,
    )
    def an_invoice_is_adjusted(
        self, which: int, kind: AdjustmentKind, raises: bool, how_much: str, reason: str, by: str
    ) -> None:
        office, books = self.office, self.office.books
        bill = one_of(list(books.bills.values()), which)
        amount = {"a part": -(-bill.owed // 3), "all": bill.owed, "too much": bill.owed + 1, "nothing": 0}[
            how_much
        ]
        heading = Direction.RAISES if raises else Direction.LOWERS
        done = 0 if kind is AdjustmentKind.WRITE_OFF else bill.changed_alone.get(by, 0)
        alone = kind is not AdjustmentKind.WRITE_OFF and done + amount <= ADJUSTED_ALONE
        impossible = heading not in kind.directions or (not raises and amount > bill.owed)
        refused = bill.void or amount <= 0 or not reason.strip() or impossible
        refused = refused or (alone and books.is_closed(books.today))
        with refused_if(refused), transaction():
            invoice = Invoice.here().get(office.invoice_id(bill.number), lock=True)
            change = Change(kind, amount, reason, heading)
            adjustment = adjusting.adjust(invoice, change, by=office.login(by), on=books.today)
        if refused:
            return
        assert adjustment.is_requested is not alone

        def apply() -> None:
            account = bill.income if kind is AdjustmentKind.CORRECTION else ACCOUNTS.get(kind, WAIVERS)
            books.adjust(bill, amount if raises else -amount, account)
            self.close_page_later(bill)

        if alone:
            bill.changed_alone[by] = done + amount
            apply()
        else:

            def fits() -> bool:
                return not bill.void and (raises or amount <= bill.owed)

            office.wishes.append(Wish(by, adjustment.id, fits, apply, lambda: None, lambda: bill.void))

    @precondition(lambda self: self.office.wishes)
    @rule(which=any_one, how=st.sampled_from(["approve", "approve", "deny", "withdraw"]), by=officers)
    def somebody_decides(self, which: int, how: str, by: str) -> None:
        office, books = self.office, self.office.books
        office.refunds_go(office.course)
        wish = one_of(office.wishes, which)
        over = wish.is_over()
        impossible = how == "approve" and (books.is_closed(books.today) or not wish.is_possible())
        not_this_one = (by == wish.by) is not (how == "withdraw")
        refused = over or not_this_one or impossible
        with refused_if(refused), transaction():
            [request] = ApprovalRequest.here().all(ApprovalRequest.subject_id == wish.subject_id)
            login, on = office.login(by), books.today
            if how == "approve":
                request.approve(by=login, seen=request.order_digest, carry_out=wiring.ACTIONS, on=on)
            elif how == "deny":
                request.deny(by=login, reason="Not this year", tell=wiring.DENIALS, on=on)
            else:
                request.withdraw(by=login, tell=wiring.DENIALS, on=on)
        if over or not refused:
            office.wishes.remove(wish)
        if not refused:
            withdrawn = wish.withdrawn or wish.denied
            {"approve": wish.granted, "deny": wish.denied, "withdraw": withdrawn}[how]()

    @precondition(lambda self: self.office.books.open_notes())
    @rule(which=any_one)
    def a_credit_note_is_used(self, which: int) -> None:
        office, books = self.office, self.office.books
        note = one_of(books.open_notes(), which)
        parts = filled(note.amount, books.payable_by(note.person))
        with refused_if(not parts), transaction():
            applying.apply(self.note_id(note), oldest_first, on=books.today, by=office.login("Nora"))
        if parts:
            books.use(note, parts)
            for bill, _ in parts:
                self.close_page_later(bill)

    @precondition(lambda self: self.office.books.uses)
    @rule(which=any_one, all_of_it=st.booleans())
    def a_credit_note_is_taken_off(self, which: int, all_of_it: bool) -> None:
        office, books = self.office, self.office.books
        use = one_of(books.uses, which)
        amount = use.amount if all_of_it else -(-use.amount // 2)
        with transaction():
            found = self.application(use.bill, use.amount)
            invoice = Invoice.here().get(found.invoice_id, lock=True)
            applying.undo(found, invoice, amount, on=books.today, by=office.login("Omar"))
        books.undo_use(use, amount)

    @precondition(lambda self: self.placed())
    @rule(which=any_one, elsewhere=st.booleans())
    def a_payment_is_taken_off(self, which: int, elsewhere: bool) -> None:
        """It settles the oldest others in the same step, or is kept as credit."""
        office, books = self.office, self.office.books
        receipt, part = one_of(self.placed(), which)
        others = [bill for bill in books.payable_by(receipt.person) if bill is not part.bill]
        with transaction():
            live = Allocation.here().all(
                Allocation.payment_id == self.payment_id(receipt),
                Allocation.undone_at.is_(None),
                order_by=Allocation.id,
            )
            chosen = live[receipt.parts.index(part)]
            assert [one.amount for one in live] == [one.amount for one in receipt.parts]
            spread = oldest_first if elsewhere else reallocating.nowhere
            reallocating.reallocate(chosen.id, spread, on=books.today, by=office.login("Nora"))
        books.take_off(receipt, part)
        parts = filled(part.amount, others) if elsewhere else []
        for other, amount in parts:
            books.put_on(receipt, other, amount)
            self.close_page_later(other)
        books.keep(receipt, part.amount - sum(amount for _, amount in parts))

    def placed(self) -> list[tuple[Receipt, Part]]:
        return [(receipt, part) for receipt in self.office.books.receipts for part in receipt.parts]

    @rule(who=any_one, amount=st.sampled_from([1, 1_500, 2_500]), by=officers)
    def goodwill_is_given(self, who: int, amount: int, by: str) -> None:
        office, books = self.office, self.office.books
        person = one_of(list(office.roll.people.values()), who)
        alone = amount <= ADJUSTED_ALONE
        refused = alone and books.is_closed(books.today)
        with refused_if(refused), transaction():
            note, request = goodwill.give(
                self.member(person), amount, reason="A late letter", by=office.login(by), on=books.today
            )
        if refused:
            return
        assert (note is not None) is alone
        if request is not None:
            chapter = person.chapter

            def give() -> None:
                books.give(person.number, chapter, amount)

            def stayed() -> bool:
                return person.chapter == chapter

            office.wishes.append(Wish(by, request.subject_id, stayed, give, lambda: None))
        else:
            books.give(person.number, person.chapter, amount)

    def payment_id(self, receipt: Receipt) -> UUID:
        page = self.page_of(receipt)
        name = self.office.at_processor(page, "intent") if page else receipt.name
        [row] = self.office.rows(
            "SELECT id FROM payments WHERE organization_id = :here"
            " AND coalesce(intent_reference, reference) = :name",
            name=name,
        )
        return UUID(str(row[0]))

    def page_of(self, receipt: Receipt) -> Page | None:
        return next((page for page in self.office.books.pages if page.receipt is receipt), None)

    def note_id(self, note: Note) -> UUID:
        """Open notes of the same member, chapter and amount are told apart by their order."""
        same = [
            one
            for one in self.office.books.open_notes()
            if (one.person, one.chapter, one.amount) == (note.person, note.chapter, note.amount)
        ]
        rows = self.office.rows(
            "SELECT n.id FROM credit_notes n JOIN members m ON m.id = n.member_id"
            " JOIN chapters c ON c.id = n.chapter_id WHERE n.organization_id = :here AND n.state = 'open'"
            " AND m.number = :person AND c.code = :chapter AND n.amount = :amount ORDER BY n.id",
            person=note.person,
            chapter=note.chapter,
            amount=note.amount,
        )
        assert len(rows) == len(same)
        return UUID(str(rows[same.index(note)][0]))

    def application(self, bill: Bill, amount: int) -> Any:
        invoice_id = self.office.invoice_id(bill.number)
        live = (CreditApplication.invoice_id == invoice_id) & CreditApplication.undone_at.is_(None)
        found = CreditApplication.here().all(
            live, CreditApplication.amount == amount, order_by=CreditApplication.id
        )
        same = [use for use in self.office.books.uses if use.bill is bill and use.amount == amount]
        assert len(found) == len(same)
        return found[0]
