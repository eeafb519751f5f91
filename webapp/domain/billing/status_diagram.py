"""How an invoice moves from status to status: tried out on every small combination of its sums, and drawn."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from webapp.domain.billing.status import InvoiceStatus, derive_status

_GRACE_ENDS_ON, _THE_DAY_AFTER = date(2026, 8, 15), date(2026, 8, 16)
_MOST_BILLED = 4


@dataclass(frozen=True)
class Sums:
    """What a status follows from. `late`: grace is over."""

    billed: int
    adjusted: int = 0
    paid: int = 0
    refunded: int = 0
    voided: bool = False
    late: bool = False

    @property
    def owed(self) -> int:
        return self.billed - self.adjusted - self.paid

    @property
    def kept(self) -> int:
        return self.paid - self.refunded

    @property
    def status(self) -> InvoiceStatus:
        return derive_status(
            billed=self.billed,
            adjusted=self.adjusted,
            paid=self.paid,
            refunded=self.refunded,
            voided=self.voided,
            grace_ends_on=_GRACE_ENDS_ON,
            on=_THE_DAY_AFTER if self.late else _GRACE_ENDS_ON,
        )


Change = Callable[[Sums, int], Sums | None]
"""What something that happens with an amount makes of the sums; None when it can't happen."""


def _if(possible: bool, sums: Sums) -> Sums | None:
    return sums if possible else None


CHANGES: Mapping[str, Change] = {
    "money or credit settles a part": lambda s, n: _if(n <= s.owed, replace(s, paid=s.paid + n)),
    "payment taken back, debt reinstated": lambda s, n: _if(n <= s.kept, replace(s, paid=s.paid - n)),
    "refund, debt not reinstated": lambda s, n: _if(n <= s.kept, replace(s, refunded=s.refunded + n)),
    "refund fails": lambda s, n: _if(n <= s.refunded, replace(s, refunded=s.refunded - n)),
    "adjustment or write-off takes off": lambda s, n: _if(n <= s.owed, replace(s, adjusted=s.adjusted + n)),
    "fee or correction adds a line": lambda s, n: _if(
        s.billed + n <= _MOST_BILLED, replace(s, billed=s.billed + n)
    ),
    "grace ends": lambda s, n: _if(not s.late, replace(s, late=True)),
    "voided, its money becomes credit notes": lambda s, n: replace(s, paid=0, refunded=0, voided=True),
}
"""A void invoice stays as it is."""

Move = tuple[InvoiceStatus, InvoiceStatus]


def moves() -> dict[Move, list[str]]:
    """From which status to which other one, and by what, in the order of the statuses."""
    found: dict[Move, set[str]] = defaultdict(set)
    for before, name, after in _everything():
        if before.status is not after.status:
            found[before.status, after.status].add(name)
    order = list(InvoiceStatus)
    names = list(CHANGES)
    return {
        move: sorted(found[move], key=names.index)
        for move in sorted(found, key=lambda move: (order.index(move[0]), order.index(move[1])))
    }


def _everything() -> Iterator[tuple[Sums, str, Sums]]:
    """Every step from every combination that can be reached from an invoice just issued."""
    seen = {Sums(billed=2)}
    waiting = list(seen)
    while waiting:
        before = waiting.pop()
        for name, after in _steps(before):
            yield before, name, after
            if after not in seen:
                seen.add(after)
                waiting.append(after)


def _steps(before: Sums) -> Iterator[tuple[str, Sums]]:
    if before.voided:
        return
    for name, change in CHANGES.items():
        for amount in range(1, _MOST_BILLED + 1):
            after = change(before, amount)
            if after is not None:
                yield name, after


def drawn() -> str:
    """The document: a diagram, and the same as a table for those who can't see it."""
    found = moves()
    arrows = [f"    {a.value} --> {b.value}: {' / '.join(names)}" for (a, b), names in found.items()]
    rows = [f"| `{a.value}` | `{b.value}` | {', '.join(names)} |" for (a, b), names in found.items()]
    return _DOCUMENT.format(arrows="\n".join(arrows), rows="\n".join(rows))


_DOCUMENT = """# The status of an invoice

Nobody writes a status: `derive_status` in `webapp/domain/billing/status.py` derives it from the sums and
dates of the invoice. This page is made from that function by
`flask billing status-diagram > docs/invoice-status.md`, and a test says when it is out of date.

```mermaid
stateDiagram-v2
    [*] --> open: issued
{arrows}
    void --> [*]
```

| from | to | when |
| --- | --- | --- |
{rows}
"""
