"""What an organization's books must say, worked out by hand from what happened.

Nothing of the product is used: documents are plain objects, a balance is the sum of lines in a list, and
everything is computed again whenever somebody asks. Amounts are minor units; debits are positive.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from tests.properties.credit import Credit
from tests.properties.documents import (
    BANK,
    CHARGES,
    CLEARING,
    CREDIT,
    DUE_TO_CHAPTERS,
    RECEIVABLE,
    REFUNDS,
    Bill,
    GivenBack,
    Line,
    Page,
    Receipt,
    Refund,
)


class Books(Credit):
    def __init__(self, today: date) -> None:
        super().__init__(today)
        self.bills: dict[str, Bill] = {}
        self.receipts: list[Receipt] = []
        self.pages: list[Page] = []
        self.closed: list[tuple[date, date]] = []
        self.given_back: list[GivenBack] = []

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

    def is_under_way(self, bill: Bill) -> bool:
        return any(page.is_under_way for page in self.pages if page.bill == bill.number)

    # What happens

    def issue(self, bill: Bill) -> None:
        self.bills[bill.number] = bill
        self._charge(bill, bill.issued_on, RECEIVABLE, bill.person, bill.billed)
        self._charge(bill, bill.issued_on, bill.income, None, bill.chapter_part - bill.billed)
        self._charge(bill, bill.issued_on, DUE_TO_CHAPTERS, None, -bill.chapter_part)

    def adjust(self, bill: Bill, change: int, account: str) -> None:
        """Less is owed by a negative change, more by a positive one."""
        if change > 0:
            bill.added += change
        else:
            bill.adjusted -= change
        self._charge(bill, self.today, RECEIVABLE, bill.person, change)
        self._charge(bill, self.today, account, None, -change)

    def void(self, bill: Bill) -> None:
        """What settles it becomes credit, what was refunded is no expense, what it charged is taken back."""
        for receipt in self.receipts:
            if receipt.parts.get(bill.number):
                self.keep(receipt, self.take_off(receipt, bill))
        for use in [use for use in reversed(self.uses) if use.bill is bill]:
            self.undo_use(use)
        self._line(self.today, RECEIVABLE, bill.chapter, bill.person, bill.refunded)
        self._line(self.today, REFUNDS, bill.chapter, None, -bill.refunded)
        bill.paid, bill.refunded, bill.void = bill.paid - bill.refunded, 0, True
        for line in bill.charges:
            self._line(self.today, line.account, line.chapter, line.person, -line.amount)

    def _charge(self, bill: Bill, day: date, account: str, person: str | None, amount: int) -> None:
        bill.charges.append(self._line(day, account, bill.chapter, person, amount))

    def receive(self, receipt: Receipt, parts: list[tuple[Bill, int]]) -> Receipt:
        """Money lies in the chapter whose bill it settles; what settles none, in the receipt's own."""
        self.receipts.append(receipt)
        for bill, part in parts:
            bill.paid += part
            receipt.parts[bill.number] = part
            self._line(receipt.day, RECEIVABLE, bill.chapter, bill.person, -part)
            if receipt.fee is None:
                self._line(receipt.day, BANK, bill.chapter, None, part)
        self._line(receipt.day, CREDIT, receipt.chapter, receipt.person, -receipt.credit)
        self._keep(receipt, receipt.credit)
        if receipt.fee is None:
            self._line(receipt.day, BANK, receipt.chapter, None, receipt.credit)
        else:
            self._line(receipt.day, CLEARING, receipt.chapter, None, receipt.amount - receipt.fee)
            self._line(receipt.day, CHARGES, receipt.chapter, None, receipt.fee)
        return receipt

    def give_back(self, given: GivenBack) -> None:
        """By a check: out of the bill it was for, then out of credit, then out of the bills settled last."""
        receipt, left = given.receipt, given.amount
        receipt.returned += left
        left -= self._out_of(given.bill, receipt, left, owed_again=given.owed_again)
        credit = self._take_credit(receipt, left)
        self._line(self.today, CREDIT, receipt.chapter, receipt.person, credit)
        self._line(self.today, BANK, receipt.chapter, None, -credit)
        left -= credit
        for number in reversed([number for number, part in receipt.parts.items() if part]):
            left -= self._out_of(self.bills[number], receipt, left, owed_again=False)

    def _out_of(self, bill: Bill, receipt: Receipt, amount: int, *, owed_again: bool) -> int:
        part = min(amount, receipt.parts.get(bill.number, 0))
        if not part:
            return 0
        receipt.parts[bill.number] = receipt.parts.pop(bill.number) - part
        if owed_again:
            bill.paid -= part
        else:
            bill.refunded += part
        account, person = (RECEIVABLE, bill.person) if owed_again else (REFUNDS, None)
        self._line(self.today, account, bill.chapter, person, part)
        self._line(self.today, BANK, bill.chapter, None, -part)
        return part

    # What is heard from the processor

    def unfinished(self, bill: Bill) -> Page | None:
        return next((page for page in self.pages if page.bill == bill.number and page.is_unfinished), None)

    def fits(self, page: Page) -> bool:
        """Whether the page asks for what is owed now, and can still be paid as far as we know."""
        bill = self.bills[page.bill]
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
        page.known = page.known or page.there != "open" or page.money is not None
        if page.money == "here":
            page.here = "paid"
            if page.fee is not None and page.receipt is None:
                self._receive_online(page, page.fee)
        elif page.there == "expired" or page.money == "back":
            page.here = "closed"
        elif page.money == "under way":
            page.here = "processing"
        if page.receipt is not None:
            for refund in page.refunds:
                self._hear_of_refund(page.receipt, self.bills[page.bill], refund)

    def _receive_online(self, page: Page, fee: int) -> None:
        bill = self.bills[page.bill]
        part = min(bill.owed, page.amount)
        receipt = Receipt(bill.person, bill.chapter, page.amount, self.today, fee)
        page.receipt = self.receive(receipt, [(bill, part)] if part else [])

    def _hear_of_refund(self, receipt: Receipt, bill: Bill, refund: Refund) -> None:
        if refund.there == "succeeded" and refund.here in (None, "pending"):
            self._give_back(receipt, bill, refund)
        elif refund.there == "failed" and refund.here == "succeeded":
            self._keep_after_all(receipt, bill, refund)
        refund.here = refund.there

    def _give_back(self, receipt: Receipt, bill: Bill, refund: Refund) -> None:
        """First what is kept as credit, then what settled the bill. The debt does not come back."""
        credit = self._take_credit(receipt, refund.amount)
        refund.from_bill = refund.amount - credit
        receipt.returned += refund.amount
        if refund.from_bill:
            receipt.parts[bill.number] -= refund.from_bill
            bill.refunded += refund.from_bill
        refund.lines = [
            self._line(self.today, CREDIT, receipt.chapter, receipt.person, credit),
            self._line(self.today, REFUNDS, receipt.chapter, None, refund.from_bill),
            self._line(self.today, CLEARING, receipt.chapter, None, -refund.amount),
        ]

    def _keep_after_all(self, receipt: Receipt, bill: Bill, refund: Refund) -> None:
        receipt.returned -= refund.amount
        self._keep(receipt, refund.amount - refund.from_bill)
        if refund.from_bill:
            receipt.parts[bill.number] += refund.from_bill
            bill.refunded -= refund.from_bill
        for line in refund.lines:
            self._line(self.today, line.account, line.chapter, line.person, -line.amount)

    # Time

    def pass_days(self, days: int) -> None:
        """Pages run out, those that were paid without our knowing as well."""
        self.today += timedelta(days=days)
        for page in self.pages:
            page.has_time = False
            if page.there == "open":
                page.there = "expired"
