"""An organization's documents as plain objects. Amounts are minor units."""

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from uuid import UUID

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
    changed_alone: dict[str, int] = field(default_factory=dict)
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
    """Money that came in. `parts`: what of it settles which bill now; the rest is kept as credit.

    `held` is what refunds that wait for a second person will take.
    """

    person: str
    chapter: str
    amount: int
    day: date
    fee: int | None = None
    name: str = ""
    parts: dict[str, int] = field(default_factory=dict)
    returned: int = 0
    held: int = 0

    @property
    def returnable(self) -> int:
        return self.amount - self.returned - self.held

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
class GivenBack:
    """What an officer gives back of a receipt for a bill, by a check."""

    receipt: Receipt
    bill: Bill
    amount: int
    owed_again: bool
    by: str
    is_denied: bool = False
    refund_id: UUID | None = None


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
