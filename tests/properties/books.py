"""What an organization's books must say, worked out by hand from what happened.

Nothing of the product is used: documents are plain objects, a balance is the sum of lines in a list, and
everything is computed again whenever somebody asks. Amounts are minor units; debits are positive.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

BANK, CLEARING, RECEIVABLE, CREDIT = "1000", "1010", "1200", "2110"
DUE_TO_CHAPTERS, REFUNDS, CHARGES = "2300", "4910", "6100"
OTHER_INCOME, WAIVERS, BAD_DEBT = "4030", "4900", "6200"
KEPT_BY_PERSON = (RECEIVABLE, CREDIT)


class Line(NamedTuple):
    day: date
    account: str
    chapter: str
    person: str | None
    amount: int


@dataclass
class Bill:
    """An invoice. `billed` is what the run charged, `amount` that and what was added since."""

    number: str
    person: str
    chapter: str
    schedule: str
    period: str
    run: int
    billed: int
    chapter_part: int
    income: str
    issued_on: date
    due_on: date
    grace_until: date
    added: int = 0
    adjusted: int = 0
    paid: int = 0
    refunded: int = 0
    void: bool = False
    charges: list[Line] = field(default_factory=list)

    @property
    def amount(self) -> int:
        return self.billed + self.added

    @property
    def owed(self) -> int:
        return 0 if self.void else self.amount - self.adjusted - self.paid

    @property
    def is_changed(self) -> bool:
        return self.added + self.adjusted > 0

    def status(self, today: date) -> str:
        if self.void:
            return "void"
        if self.owed:
            return "overdue" if today > self.grace_until else "partial" if self.paid else "open"
        return "refunded" if self.refunded else "paid" if self.paid else "waived"


@dataclass
class Receipt:
    """Money that came in. `parts`: what of it settles which bill now; the rest is kept as credit."""

    person: str
    chapter: str
    amount: int
    day: date
    fee: int | None = None
    parts: dict[str, int] = field(default_factory=dict)
    returned: int = 0

    @property
    def credit(self) -> int:
        return self.amount - sum(self.parts.values()) - self.returned


@dataclass
class Note:
    """A credit note, used once as a whole; none of goodwill has a receipt."""

    person: str
    chapter: str
    amount: int
    receipt: Receipt | None
    is_open: bool = True


@dataclass
class Use:
    """What of a credit note settles a bill now."""

    note: Note
    bill: Bill
    amount: int


@dataclass
class Refund:
    """`there`: how it stands at the processor. `here`: what we have heard of it."""

    amount: int
    course: str
    there: str
    here: str | None = None
    lines: list[Line] = field(default_factory=list)
    from_bill: int = 0


@dataclass
class Page:
    """A payment page. `there` and `money` are the truth at the processor, `here` is what we have heard.

    `money`: none, `under way`, `here` or `back`. `known`: whether we have heard of an attempt to pay.
    """

    bill: str
    amount: int
    there: str = "open"
    money: str | None = None
    fee: int | None = None
    here: str = "live"
    has_time: bool = True
    known: bool = False
    receipt: Receipt | None = None
    refunds: list[Refund] = field(default_factory=list)

    @property
    def is_unfinished(self) -> bool:
        return self.here in ("live", "closing")

    @property
    def is_under_way(self) -> bool:
        return self.here == "processing" or (self.here == "paid" and self.receipt is None)


class Books:
    def __init__(self, today: date) -> None:
        self.today = today
        self.bills: dict[str, Bill] = {}
        self.receipts: list[Receipt] = []
        self.notes: list[Note] = []
        self.uses: list[Use] = []
        self.pages: list[Page] = []
        self.closed: list[tuple[date, date]] = []
        self.lines: list[Line] = []

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
        """All that it charged is taken back today."""
        bill.void = True
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

    def _line(self, day: date, account: str, chapter: str, person: str | None, amount: int) -> Line:
        line = Line(day, account, chapter, person, amount)
        if amount:
            self.lines.append(line)
        return line

    # Credit

    def give(self, person: str, chapter: str, amount: int) -> None:
        """Goodwill."""
        self.notes.append(Note(person, chapter, amount, None))
        self._line(self.today, WAIVERS, chapter, None, amount)
        self._line(self.today, CREDIT, chapter, person, -amount)

    def use(self, note: Note, parts: list[tuple[Bill, int]]) -> None:
        """Settle these bills with it; what they don't need is a new note."""
        self._end(note, sum(part for _, part in parts))
        for bill, part in parts:
            self._settle(note, bill, part)

    def undo_use(self, use: Use, amount: int | None = None) -> Note:
        """Take all of it or a part off the bill; that is a new note."""
        taken = use.amount if amount is None else amount
        self.uses.remove(use)
        use.bill.paid -= use.amount
        self._move(use, use.amount)
        child = Note(use.note.person, use.note.chapter, taken, use.note.receipt)
        self.notes.append(child)
        if use.amount > taken:
            self._settle(use.note, use.bill, use.amount - taken)
        return child

    def open_notes(self) -> list[Note]:
        return [note for note in self.notes if note.is_open]

    def _keep(self, receipt: Receipt, amount: int) -> None:
        if amount:
            self.notes.append(Note(receipt.person, receipt.chapter, amount, receipt))

    def _end(self, note: Note, amount: int) -> None:
        note.is_open = False
        if note.amount > amount:
            self.notes.append(Note(note.person, note.chapter, note.amount - amount, note.receipt))

    def _settle(self, note: Note, bill: Bill, amount: int) -> None:
        use = Use(note, bill, amount)
        self.uses.append(use)
        bill.paid += amount
        self._move(use, -amount)

    def _move(self, use: Use, amount: int) -> None:
        self._line(self.today, RECEIVABLE, use.bill.chapter, use.bill.person, amount)
        self._line(self.today, CREDIT, use.note.chapter, use.note.person, -amount)

    def _take_credit(self, receipt: Receipt, amount: int) -> int:
        """How much of a refund comes from credit: free notes first, then what settles bills, last first."""
        left = amount
        for note in self.open_notes():
            if note.receipt is receipt and left:
                part = min(left, note.amount)
                self._end(note, part)
                left -= part
        for use in [use for use in reversed(self.uses) if use.note.receipt is receipt]:
            if left:
                part = min(left, use.amount)
                self.undo_use(use, part).is_open = False
                left -= part
        return amount - left

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
