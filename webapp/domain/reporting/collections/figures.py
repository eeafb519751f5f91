"""What was owed before some days, what changed it during them, what was owed after, and how to judge that.

Amounts are minor units. Three measures, each None where there is nothing to measure it by:

* collection rate: (collected + credit used) ÷ billed. Above 1 where old debts came in.
* collection effectiveness index: (opening + billed − closing − written off) ÷ (opening + billed − closing not
  yet due), the part that came in of what could have; the index of the Credit Research Foundation and Venkat
  Srinivasan, except that what was written off counts as not collected.
* days sales outstanding: closing ÷ billed × days. Over which days is said with it.

Billed is net of adjustments, and of what is void.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from webapp.core import clock


@dataclass(frozen=True, order=True)
class Span:
    """From a first day through a last one."""

    since: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    @property
    def day_before(self) -> date:
        return self.since - timedelta(days=1)

    @classmethod
    def twelve_months(cls, until: date) -> "Span":
        """Those that end with this day: whole months where it is the last of one."""
        anchor = 31 if until == clock.month_end(until) else until.day
        return cls(clock.add_months(until, -12, anchor_day=anchor) + timedelta(days=1), until)


@dataclass(frozen=True)
class Figures:
    """Of some days. opening + billed − collected − credited − written off = closing, which is account 1200.

    `billed` is what was issued, and more (late fees, interest) or less (void, forgiven) by the other five.
    `ages` is the closing by how long it had been due, as in NAMES of the aging.
    """

    span: Span
    opening: int = 0
    issued: int = 0
    late_fees: int = 0
    interest: int = 0
    adjusted: int = 0
    voided: int = 0
    forgiven: int = 0
    collected: int = 0
    credited: int = 0
    written_off: int = 0
    ages: Sequence[int] = (0, 0, 0, 0, 0)

    @property
    def billed(self) -> int:
        added = self.issued + self.late_fees + self.interest
        return added + self.adjusted + self.voided + self.forgiven

    @property
    def closing(self) -> int:
        return sum(self.ages)

    @property
    def net_change(self) -> int:
        return self.closing - self.opening

    @property
    def rate(self) -> float | None:
        return _ratio(self.collected + self.credited, self.billed)

    @property
    def effectiveness(self) -> float | None:
        available = self.opening + self.billed
        return _ratio(available - self.closing - self.written_off, available - self.ages[0])

    @property
    def dso(self) -> float | None:
        """In days."""
        share = _ratio(self.closing, self.billed)
        return None if share is None else share * self.span.days


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None
