"""An organization's documents as plain objects. Amounts are minor units."""

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from uuid import UUID

BANK, CLEARING, RECEIVABLE, CREDIT = "1000", "1010", "1200", "2110"
DUE_TO_CHAPTERS, REFUNDS, CHARGES = "2300", "4910", "6100"
OTHER_INCOME, LATE_FEES, INTEREST = "4030", "4040", "4050"
WAIVERS, BAD_DEBT = "4900", "6200"
DISPUTED, DISPUTE_FEES = "1300", "6110"
KEPT_BY_PERSON = (RECEIVABLE, CREDIT)


class Line(NamedTuple):
    day: date
    account: str
    chapter: str
    person: str | None
    amount: int


@dataclass(eq=False)
class Bill:
    """An invoice. `billed` is what the run charged, `amount` that, what was added since, the late fee and the
    interest of plans. `moves`: what settled it, or did no longer, and since which day.
    """

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
    late_fee: int = 0
    interest: int = 0
    adjusted: int = 0
    paid: int = 0
    refunded: int = 0
    void: bool = False
    changed_alone: dict[str, int] = field(default_factory=dict)
    charges: list[Line] = field(default_factory=list)
    moves: list[tuple[date, int]] = field(default_factory=list)

    @property
    def amount(self) -> int:
        return self.billed + self.added + self.late_fee + self.interest

    def settle(self, amount: int, day: date) -> None:
        """So much of it is paid since that day; less than nothing is owed again."""
        self.paid += amount
        self.moves.append((day, amount))

    def spend(self, amount: int, day: date) -> None:
        """So much of what was paid went back, and is not owed again."""
        self.refunded += amount
        self.moves.append((day, -amount))

    def stayed(self, day: date) -> int:
        """What had settled it by that day and did so on every day since."""
        days = [day, *(moved for moved, _ in self.moves if moved > day)]
        return min(sum(amount for moved, amount in self.moves if moved <= one) for one in days)

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


@dataclass(eq=False)
class Part:
    """What of a receipt settles a bill: one allocation."""

    bill: Bill
    amount: int


@dataclass(eq=False)
class Receipt:
    """Money that came in. `parts`: what of it settles bills now, oldest first; the rest is kept as credit.

    `reserved` is what refunds and disputes that are not over hold of it, `touched` all bills it ever settled
    or was meant for, `bank` what it brought to the bank.
    """

    person: str
    chapter: str
    amount: int
    day: date
    fee: int | None = None
    name: str = ""
    parts: list[Part] = field(default_factory=list)
    touched: list[Bill] = field(default_factory=list)
    bank: list[Line] = field(default_factory=list)
    returned: int = 0
    reserved: int = 0
    is_reversed: bool = False

    @property
    def is_offline(self) -> bool:
        return self.fee is None

    @property
    def returnable(self) -> int:
        return self.amount - self.returned - self.reserved

    @property
    def credit(self) -> int:
        return self.amount - sum(part.amount for part in self.parts) - self.returned

    def settles(self, bill: Bill) -> int:
        return sum(part.amount for part in self.parts if part.bill is bill)

    def put_on(self, bill: Bill, amount: int) -> None:
        self.parts.append(Part(bill, amount))
        self.touch(bill)

    def touch(self, bill: Bill) -> None:
        if bill not in self.touched:
            self.touched.append(bill)

    def shrink(self, part: Part, amount: int) -> None:
        """What is left of it counts as the latest."""
        self.parts.remove(part)
        if part.amount > amount:
            self.parts.append(Part(part.bill, part.amount - amount))


@dataclass(eq=False)
class Note:
    """A credit note, used once as a whole; none of goodwill has a receipt. `first` is the one that it, and
    all that was split off from it, began as. A held one waits to go back to the payer.
    """

    person: str
    chapter: str
    amount: int
    receipt: Receipt | None
    parent: "Note | None" = None
    is_open: bool = True
    is_held: bool = False

    @property
    def first(self) -> "Note":
        return self.parent.first if self.parent else self


@dataclass(eq=False)
class Use:
    """What of a credit note settles a bill now."""

    note: Note
    bill: Bill
    amount: int


@dataclass(eq=False)
class Refund:
    """What goes back of a receipt, for a bill or a credit note; nobody's (`by`) was made at the processor.

    `here`: requested, released, pending, succeeded, failed or dropped, as far as we know. `there`: how it
    stands at the processor, of which `course` is what it does there in time, and `name` what it is called.
    `parts`: what of it came out of which bill, and whether that is owed again.
    """

    amount: int
    receipt: Receipt | None
    bill: Bill | None = None
    note: Note | None = None
    owed_again: bool = False
    by: str | None = None
    by_check: bool = False
    here: str | None = None
    there: str | None = None
    course: str = ""
    name: tuple[int, str] = (0, "")
    refund_id: UUID | None = None
    lines: list[Line] = field(default_factory=list)
    parts: list[tuple[Bill, int, bool]] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        return self.here == "requested"

    @property
    def is_unfinished(self) -> bool:
        return self.here in ("requested", "released", "pending")


@dataclass(eq=False)
class Dispute:
    """What a payer's bank took, or asks about. `there` and `movements` (amount and fee each) are the truth at
    the processor; all else is what we made of it.

    `taken` is what of the lost money the payment had still brought in, so that it is owed again.
    """

    amount: int
    there: str
    is_returned_debit: bool
    movements: list[tuple[int, int]] = field(default_factory=list)
    here: str | None = None
    booked: int = 0
    withdrawn: int = 0
    lost: int = 0
    taken: int = 0
    held: int = 0

    @property
    def gone(self) -> int:
        """As far as it is decided at the processor."""
        return sum(amount for amount, _ in self.movements) if self.there == "lost" else 0

    @property
    def at_stake(self) -> int:
        if self.here == "contested":
            return max(self.amount, self.withdrawn)
        return self.withdrawn if self.here == "won" else 0

    @property
    def is_short(self) -> bool:
        """Whether the money is gone twice: by it, and by a refund."""
        return self.taken < self.lost


@dataclass(eq=False)
class Page:
    """A payment page. `there` and `money` are the truth at the processor, `here` is what we have heard.

    `money`: none, `under way`, `here` or `back`. `refunds` are those that the processor knows.
    """

    bill: Bill
    amount: int
    there: str = "open"
    money: str | None = None
    by_bank: bool = False
    fee: int | None = None
    here: str = "live"
    has_time: bool = True
    receipt: Receipt | None = None
    refunds: list[Refund] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)

    @property
    def left_there(self) -> int:
        """What the processor would still refund: nothing while the payer's bank has the money."""
        if any(dispute.there in ("contested", "lost") for dispute in self.disputes):
            return 0
        return self.amount - sum(one.amount for one in self.refunds if one.there != "failed")

    @property
    def is_unfinished(self) -> bool:
        return self.here in ("live", "closing")

    @property
    def is_under_way(self) -> bool:
        return self.here == "processing" or (self.here == "paid" and self.receipt is None)
