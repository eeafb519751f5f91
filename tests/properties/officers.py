"""What officers do about what is owed and about credit, told to the product and to the books kept by hand."""

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.properties.at_processor import AtTheProcessor
from tests.properties.books import BAD_DEBT, OTHER_INCOME, WAIVERS, Bill, Note
from tests.properties.happenings import any_one, filled, one_of
from tests.properties.office import refused_if
from webapp.core.db import transaction
from webapp.domain.billing import adjusting
from webapp.domain.billing.adjusting import Change
from webapp.domain.billing.adjustments import AdjustmentKind, Direction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import oldest_first
from webapp.domain.credits import applying
from webapp.domain.credits.applying import CreditApplication

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
    )
    def an_invoice_is_adjusted(
        self, which: int, kind: AdjustmentKind, raises: bool, how_much: str, reason: str
    ) -> None:
        office, books = self.office, self.office.books
        bill = one_of(list(books.bills.values()), which)
        amount = {"a part": -(-bill.owed // 3), "all": bill.owed, "too much": bill.owed + 1, "nothing": 0}[
            how_much
        ]
        heading = Direction.RAISES if raises else Direction.LOWERS
        impossible = heading not in kind.directions or (not raises and amount > bill.owed)
        refused = bill.void or amount <= 0 or not reason.strip() or impossible or books.is_closed(books.today)
        with refused_if(refused), transaction():
            invoice = Invoice.here().get(office.invoice_id(bill.number), lock=True)
            change = Change(kind, amount, reason, heading)
            adjusting.adjust(invoice, change, by=office.login("Nora"), on=books.today)
        if not refused:
            account = bill.income if kind is AdjustmentKind.CORRECTION else ACCOUNTS.get(kind, WAIVERS)
            books.adjust(bill, amount if raises else -amount, account)
            self.close_page_later(bill)

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
