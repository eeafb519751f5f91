"""What officers do about what is owed and about credit, told to the product and to the books kept by hand."""

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.properties.at_processor import AtTheProcessor
from tests.properties.documents import BAD_DEBT, OTHER_INCOME, WAIVERS, Bill, GivenBack, Note, Receipt
from tests.properties.happenings import any_one, filled, one_of
from tests.properties.office import ADJUSTED_ALONE, Wish, refused_if
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
from webapp.domain.refunds import requesting
from webapp.domain.refunds.refund import How
from webapp.domain.refunds.requesting import Terms

officers = st.sampled_from(["Nora", "Omar"])
CAP = 50_00
"""What an officer gives back alone of one invoice, unless the organization says something else."""

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

            office.wishes.append(Wish(by, adjustment.id, fits, apply, lambda: None))

    @precondition(lambda self: self.office.wishes)
    @rule(which=any_one, grants=st.booleans(), by=officers)
    def somebody_decides(self, which: int, grants: bool, by: str) -> None:
        office, books = self.office, self.office.books
        wish = one_of(office.wishes, which)
        impossible = grants and (books.is_closed(books.today) or not wish.is_possible())
        refused = by == wish.by or impossible
        with refused_if(refused), transaction():
            [request] = ApprovalRequest.here().all(ApprovalRequest.subject_id == wish.subject_id)
            decider = office.login(by)
            if grants:
                seen = request.order_digest
                request.approve(by=decider, seen=seen, carry_out=wiring.ACTIONS, on=books.today)
            else:
                request.deny(by=decider, reason="Not this year", tell=wiring.DENIALS, on=books.today)
        if not refused:
            office.wishes.remove(wish)
            (wish.granted if grants else wish.denied)()

    @precondition(lambda self: self.office.books.open_notes())
    @rule(which=any_one)
    def a_credit_note_is_used(self, which: int) -> None:
        office, books = self.office, self.office.books
        note = one_of(books.open_notes(), which)
        parts = filled(note.amount, books.owed_by(note.person))
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

    @precondition(lambda self: self.refundable_by_check())
    @rule(which=any_one, elsewhere=st.booleans())
    def a_payment_is_taken_off(self, which: int, elsewhere: bool) -> None:
        """It settles the oldest others in the same step, or is kept as credit."""
        office, books = self.office, self.office.books
        receipt, bill = one_of(self.refundable_by_check(), which)
        others = [one for one in books.owed_by(receipt.person) if one is not bill] if elsewhere else []
        with transaction():
            payment_id, invoice_id = self.payment_id(receipt), office.invoice_id(bill.number)
            chosen = Allocation.here().all(
                Allocation.payment_id == payment_id,
                Allocation.invoice_id == invoice_id,
                Allocation.undone_at.is_(None),
            )
            spread = oldest_first if elsewhere else reallocating.nowhere
            reallocating.reallocate(chosen[0].id, spread, on=books.today, by=office.login("Nora"))
        amount = books.take_off(receipt, bill)
        parts = filled(amount, others)
        for other, part in parts:
            books.put_on(receipt, other, part)
            self.close_page_later(other)
        books.keep(receipt, amount - sum(part for _, part in parts))

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

    @precondition(lambda self: self.refundable_by_check())
    @rule(
        which=any_one,
        how_much=st.sampled_from(["a part", "a part", "all", "too much"]),
        owed_again=st.booleans(),
        by=officers,
    )
    def money_is_given_back_by_check(self, which: int, how_much: str, owed_again: bool, by: str) -> None:
        office, books = self.office, self.office.books
        receipt, bill = one_of(self.refundable_by_check(), which)
        left = self.left_for(receipt, bill)
        amount = {"a part": -(-left // 3), "all": left, "too much": left + 1}[how_much]
        given = GivenBack(receipt, bill, amount, owed_again, by)
        alone = amount <= CAP - self.given_back_by(by, bill)
        refused = not 0 < amount <= left or (alone and books.is_closed(books.today))
        terms = Terms(amount, How.CHECK, "Moved away", owed_again, check_number="77")
        with refused_if(refused), transaction():
            asked = requesting.request_refund(
                office.invoice_id(bill.number),
                self.payment_id(receipt),
                terms,
                by=office.login(by),
                on=books.today,
            )
        if refused:
            return
        assert (asked.approval is None) is alone
        given.refund_id = asked.refund.id
        books.given_back.append(given)
        if alone:
            books.give_back(given)
            return
        receipt.held += amount

        def grant() -> None:
            receipt.held -= amount
            books.give_back(given)

        def deny() -> None:
            receipt.held -= amount
            given.is_denied = True

        office.wishes.append(Wish(by, asked.refund.id, lambda: True, grant, deny))

    def refundable_by_check(self) -> list[tuple[Receipt, Bill]]:
        books = self.office.books
        return [
            (receipt, books.bills[number])
            for receipt in books.receipts
            for number, part in receipt.parts.items()
            if receipt.name and part
        ]

    def left_for(self, receipt: Receipt, bill: Bill) -> int:
        return max(0, min(receipt.parts[bill.number] - self.held_for(receipt, bill), receipt.returnable))

    def held_for(self, receipt: Receipt, bill: Bill) -> int:
        waits = {wish.subject_id for wish in self.office.wishes}
        return sum(
            given.amount
            for given in self.office.books.given_back
            if given.receipt is receipt and given.bill is bill and given.refund_id in waits
        )

    def given_back_by(self, officer: str, bill: Bill) -> int:
        return sum(
            given.amount
            for given in self.office.books.given_back
            if given.by == officer and given.bill is bill and not given.is_denied
        )

    def payment_id(self, receipt: Receipt) -> UUID:
        [row] = self.office.rows(
            "SELECT id FROM payments WHERE organization_id = :here AND reference = :name", name=receipt.name
        )
        return UUID(str(row[0]))

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
