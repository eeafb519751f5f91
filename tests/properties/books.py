"""What an organization's books must say, worked out by hand from what happened.

Nothing of the product is used: documents are plain objects, a balance is the sum of lines in a list, and
everything is computed again whenever somebody asks. Amounts are minor units; debits are positive.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from tests.properties.agreements import Agreements
from tests.properties.documents import (
    BANK,
    CHARGES,
    CLEARING,
    CREDIT,
    DUE_TO_CHAPTERS,
    LATE_FEES,
    RECEIVABLE,
    REFUNDS,
    Bill,
    Line,
    Page,
    Receipt,
)

LATE_FEE, LATE_FEE_AFTER = 2_500, timedelta(days=15)


class Books(Agreements):
    def __init__(self, today: date, returned_fee: int = 0) -> None:
        super().__init__(today, returned_fee)
        self.receipts: list[Receipt] = []
        self.pages: list[Page] = []
        self.closed: list[tuple[date, date]] = []

    # What the figures are

    def balances(self, until: date = date.max) -> dict[tuple[str, str], int]:
        """By account and chapter; what is zero is left out."""
        return self._sums((line.account, line.chapter, line) for line in self.lines if line.day <= until)

    def accounts(self, until: date = date.max) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        for (account, _), amount in self.balances(until).items():
            found[account] += amount
        return {account: amount for account, amount in found.items() if amount}

    def people(self, until: date = date.max) -> dict[tuple[str, str], int]:
        """By account and person."""
        return self._sums(
            (line.account, line.person, line)
            for line in self.lines
            if line.day <= until and line.person is not None
        )

    @staticmethod
    def _sums(found: Iterator[tuple[str, str, Line]]) -> dict[tuple[str, str], int]:
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for account, whose, line in found:
            sums[account, whose] += line.amount
        return {key: amount for key, amount in sums.items() if amount}

    def is_closed(self, day: date) -> bool:
        return any(first <= day <= last for first, last in self.closed)

    def owed_by(self, person: str) -> list[Bill]:
        """Oldest due date first."""
        owed = [bill for bill in self.bills.values() if bill.person == person and bill.owed]
        return sorted(owed, key=lambda bill: bill.due_on)

    def payable_by(self, person: str) -> list[Bill]:
        """Those of which no payment is under way."""
        return [bill for bill in self.owed_by(person) if not self.is_under_way(bill)]

    def is_under_way(self, bill: Bill) -> bool:
        return any(page.is_under_way for page in self.pages if page.bill is bill)

    # What happens

    def issue(self, bill: Bill) -> None:
        self.bills[bill.number] = bill
        self.charge(bill, bill.issued_on, RECEIVABLE, bill.person, bill.billed)
        self.charge(bill, bill.issued_on, bill.income, None, bill.chapter_part - bill.billed)
        self.charge(bill, bill.issued_on, DUE_TO_CHAPTERS, None, -bill.chapter_part)

    def adjust(self, bill: Bill, change: int, account: str) -> None:
        """Less is owed by a negative change, more by a positive one."""
        if change > 0:
            bill.added += change
        else:
            bill.adjusted -= change
        self.charge(bill, self.today, RECEIVABLE, bill.person, change)
        self.charge(bill, self.today, account, None, -change)

    def void(self, bill: Bill) -> None:
        """What settles it becomes credit, what was refunded is no expense, what it charged is taken back."""
        for receipt in self.receipts:
            freed = receipt.settles(bill)
            for part in [part for part in reversed(receipt.parts) if part.bill is bill]:
                self.take_off(receipt, part)
            self.keep(receipt, freed)
        for use in [use for use in reversed(self.uses) if use.bill is bill]:
            self.undo_use(use)
        self.write(self.today, RECEIVABLE, bill.chapter, bill.person, bill.refunded)
        self.write(self.today, REFUNDS, bill.chapter, None, -bill.refunded)
        bill.paid, bill.refunded, bill.void = bill.paid - bill.refunded, 0, True
        for line in bill.charges:
            self.write(self.today, line.account, line.chapter, line.person, -line.amount)

    def charge(self, bill: Bill, day: date, account: str, person: str | None, amount: int) -> None:
        bill.charges.append(self.write(day, account, bill.chapter, person, amount))

    def receive(self, receipt: Receipt, parts: list[tuple[Bill, int]]) -> Receipt:
        """Money lies in the chapter whose bill it settles; what settles none, in the receipt's own."""
        self.receipts.append(receipt)
        for bill, part in parts:
            bill.settle(part, receipt.day)
            receipt.put_on(bill, part)
            self.write(receipt.day, RECEIVABLE, bill.chapter, bill.person, -part)
            if receipt.is_offline:
                receipt.bank.append(self.write(receipt.day, BANK, bill.chapter, None, part))
        self.write(receipt.day, CREDIT, receipt.chapter, receipt.person, -receipt.credit)
        self.note(receipt, receipt.credit)
        if receipt.fee is None:
            receipt.bank.append(self.write(receipt.day, BANK, receipt.chapter, None, receipt.credit))
        else:
            self.write(receipt.day, CLEARING, receipt.chapter, None, receipt.amount - receipt.fee)
            self.write(receipt.day, CHARGES, receipt.chapter, None, receipt.fee)
        return receipt

    def reverse(self, receipt: Receipt) -> None:
        """As if it had never come: what it settled is owed again, and its credit is gone."""
        for part in list(receipt.parts):
            self.take_off(receipt, part)
        for note in [note for note in self.notes if note.receipt is receipt and note.is_open]:
            self.end(note, note.amount)
            self.write(self.today, CREDIT, note.chapter, note.person, note.amount)
        for line in receipt.bank:
            self.write(self.today, line.account, line.chapter, None, -line.amount)
        receipt.returned, receipt.is_reversed = receipt.amount, True

    # What is heard from the processor

    def unfinished(self, bill: Bill) -> Page | None:
        return next((page for page in self.pages if page.bill is bill and page.is_unfinished), None)

    def fits(self, page: Page) -> bool:
        """Whether the page asks for what is owed now, and can still be paid as far as we know."""
        bill = page.bill
        asks_right = page.amount == bill.owed and not self.is_under_way(bill)
        return page.here == "live" and asks_right and page.has_time

    def close_page(self, bill: Bill) -> None:
        page = self.unfinished(bill)
        if page is not None and not self.fits(page):
            page.here = "closing"
            self.look(page)

    def look(self, page: Page) -> None:
        """We are told how it stands by now, whatever the event that made us ask."""
        if page.here == "closing" and page.there == "open":
            page.there = "expired"
        if page.money == "here":
            page.here = "paid"
            if page.fee is not None and page.receipt is None:
                self._receive_online(page, page.fee)
        elif page.there == "expired" or page.money == "back":
            page.here = "closed"
        elif page.money == "under way":
            page.here = "processing"
        if page.receipt is not None:
            self.hear_what_went_back(page, page.receipt)

    def _receive_online(self, page: Page, fee: int) -> None:
        bill = page.bill
        part = min(bill.owed, page.amount)
        receipt = Receipt(bill.person, bill.chapter, page.amount, self.today, fee)
        receipt.touch(bill)
        page.receipt = self.receive(receipt, [(bill, part)] if part else [])

    # Time

    def pass_days(self, days: int) -> None:
        """Pages run out, those that were paid without our knowing as well."""
        self.today += timedelta(days=days)
        for page in self.pages:
            page.has_time = False
            if page.there == "open":
                page.there = "expired"
        self.pass_day_of_plans()
        for bill in self.bills.values():
            self._charge_late_fee(bill)

    def _charge_late_fee(self, bill: Bill) -> None:
        """The night charges it once, while no payment is under way and no plan is kept."""
        is_late = self.today > bill.due_on + LATE_FEE_AFTER and not self.is_on_plan(bill)
        if bill.owed and is_late and not bill.late_fee and not self.is_under_way(bill):
            bill.late_fee = LATE_FEE
            self.to_close.append(bill)
            self.charge(bill, self.today, RECEIVABLE, bill.person, LATE_FEE)
            self.charge(bill, self.today, LATE_FEES, None, -LATE_FEE)
