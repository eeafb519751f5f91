"""Looking a batch over, and posting it: all of its lines or none, each as a payment of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import joinedload

from webapp.core import money
from webapp.core.db import db
from webapp.core.errors import Conflict, Invalid
from webapp.core.jobs import Job, later
from webapp.domain import ledger
from webapp.domain.billing.spreading import Preview
from webapp.domain.organizations import Login, Organization
from webapp.domain.payments import stack
from webapp.domain.payments.batches import (
    ReceiptBatch,
    ReceiptBatchState,
    ReceiptLine,
    Tally,
    note_posted,
    same_file,
    tally,
)
from webapp.domain.payments.offline import ALIKE_WITHIN
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.domain.payments.stack import Deposit, Sheet

AT_ONCE = 300
"""So many lines are posted while the treasurer waits; a worker posts a longer batch.

Into closed books it goes at once: who gives a word for that is there to give it.
"""


class PostedAlready(Conflict):
    message = "This batch has been posted already."
    next_step = "Look at it: every line stands there with its payment."


class NeedsASecondLook(Conflict):
    """Something about the batch may be a mistake, and nobody has said that it is not."""

    code = "needs-a-second-look"
    message = "Some of this may have been recorded before."
    next_step = "Look at the lines, and say that they are other payments."


@dataclass(frozen=True)
class Checked:
    """`settled`: a line and what it would settle. `doubts` ask for a second look and forbid nothing."""

    tally: Tally
    settled: Sequence[tuple[ReceiptLine, Preview]]
    doubts: Sequence[tuple[ReceiptLine, str]]
    repeats: ReceiptBatch | None
    obstacles: Sequence[str]

    @property
    def is_doubtful(self) -> bool:
        return bool(self.doubts) or self.repeats is not None

    @property
    def rest(self) -> int:
        """What settles no invoice, in minor units."""
        return sum(preview.rest for _, preview in self.settled)


def check(batch: ReceiptBatch, organization: Organization) -> Checked:
    """What would happen, what stands in the way, and what may be a mistake. Writes nothing."""
    lines = _lines(batch)
    complete = [line for line in lines if line.problem is None]
    owed = stack.owed_by(line.member_id for line in complete if line.member_id)
    planned = stack.plan([_sheet(line) for line in complete], owed)
    return Checked(
        tally=(counted := tally(batch)),
        settled=list(zip(complete, planned, strict=True)),
        doubts=list(_doubts(batch, complete)),
        repeats=same_file(batch),
        obstacles=list(_obstacles(batch, counted, lines, organization)),
    )


def post(
    batch: ReceiptBatch, *, by: Login, version: int, sure: bool, organization: Organization
) -> ReceiptBatch:
    """The batch is locked. All of it goes into the books, at once or by a worker; or nothing, and why not."""
    if not batch.is_draft:
        raise PostedAlready
    batch.refuse_other_version(version)
    found = check(batch, organization)
    if found.obstacles:
        raise Invalid(" ".join(found.obstacles))
    if found.is_doubtful and not sure:
        raise NeedsASecondLook
    batch.posted_by_id, batch.problem = by.id, None
    batch.state = ReceiptBatchState.POSTING
    if found.tally.lines > AT_ONCE and ledger.closed_through(batch.deposited_on) is None:
        later(Job.POST_RECEIPTS, once=f"{batch.id}:{batch.version}", batch_id=batch.id)
    else:
        _carry_out(batch, found, by=by, organization=organization)
    return batch


def carry_out(batch_id: UUID, organization: Organization) -> None:
    """What `post` promised. Run again it does nothing."""
    batch = ReceiptBatch.here().get(batch_id, lock=True)
    if batch.state is not ReceiptBatchState.POSTING:
        return
    found = check(batch, organization)
    if found.obstacles:
        raise Invalid(" ".join(found.obstacles))
    by = db.session.get_one(Login, batch.posted_by_id)
    _carry_out(batch, found, by=by, organization=organization)


def give_up(batch_id: UUID, sentence: str) -> None:
    """It could not be posted: a draft again, which says why."""
    batch = ReceiptBatch.here().get(batch_id, lock=True)
    if batch.state is ReceiptBatchState.POSTING:
        batch.state, batch.posted_by_id = ReceiptBatchState.DRAFT, None
        batch.changed()
        batch.problem = sentence


def _carry_out(batch: ReceiptBatch, found: Checked, *, by: Login, organization: Organization) -> None:
    deposit = Deposit(batch, batch.method, batch.deposited_on, batch.deposit_reference)
    sheets = [_sheet(line) for line, _ in found.settled]
    stack.record(sheets, deposit, by=by, organization=organization)
    note_posted(batch, by=by, payments=len(sheets), total=found.tally.total)
    if batch.receipts:
        later(Job.ANNOUNCE, once=f"payments_received:{batch.id}", what="payments_received", batch_id=batch.id)


def _lines(batch: ReceiptBatch) -> Sequence[ReceiptLine]:
    lines = ReceiptLine.here().select(ReceiptLine.batch_id == batch.id).order_by(ReceiptLine.position)
    return db.session.scalars(lines.options(joinedload(ReceiptLine.member))).all()


def _sheet(line: ReceiptLine) -> Sheet:
    assert line.member is not None and line.amount is not None, "A line without a problem is complete"
    return Sheet(line.id, line.member, line.amount, line.reference or None)


def _obstacles(
    batch: ReceiptBatch, counted: Tally, lines: Sequence[ReceiptLine], organization: Organization
) -> Iterator[str]:
    if not counted.lines:
        yield "There are no lines yet."
    if counted.problems:
        yield f"{_count(counted.problems, 'line has', 'lines have')} a problem."
    if batch.deposited_on > organization.today:
        yield "The day of the deposit is still to come."
    if not batch.deposit_reference:
        yield "Enter the reference of the deposit."
    if counted.expected_lines is None or counted.expected_total is None:
        yield "Enter how many there are and what they come to by the deposit slip."
    else:
        yield from _differences(counted, organization)
    for line in lines:
        if line.member and batch.chapter_id and line.member.chapter_id != batch.chapter_id:
            yield f"{line.member.name} ({line.member.number}) belongs to another chapter by now."


def _differences(counted: Tally, organization: Organization) -> Iterator[str]:
    """The slip and the lines, said as a person would look for the mistake."""

    def shown(amount: int) -> str:
        return money.display(amount, organization.currency, organization.locale)

    if counted.missing_lines:
        expected = counted.expected_lines or 0
        yield f"The slip says {expected:,} and there are {_count(counted.lines, 'line', 'lines')}."
    if counted.missing:
        way = "missing" if counted.missing > 0 else "too much"
        yield (
            f"The slip says {shown(counted.expected_total or 0)} and the lines come to"
            f" {shown(counted.total)}: {shown(abs(counted.missing))} {way}."
        )


def _doubts(batch: ReceiptBatch, lines: Sequence[ReceiptLine]) -> Iterator[tuple[ReceiptLine, str]]:
    earlier = _recorded_before(batch)
    seen: dict[tuple[Any, ...], int] = {}
    for line in lines:
        key = (line.member_id, line.amount, line.reference)
        if line.id in earlier:
            yield line, f"The same was recorded before, dated {earlier[line.id]}."
        elif key in seen:
            yield line, f"Line {seen[key]} says the same."
        seen.setdefault(key, line.position)


def _recorded_before(batch: ReceiptBatch) -> dict[UUID, date]:
    same = and_(
        Payment.organization_id == ReceiptLine.organization_id,
        Payment.member_id == ReceiptLine.member_id,
        Payment.amount == ReceiptLine.amount,
        func.coalesce(Payment.reference, "") == ReceiptLine.reference,
        Payment.method == batch.method,
        Payment.state == PaymentState.SUCCEEDED,
        Payment.received_on.between(batch.deposited_on - ALIKE_WITHIN, batch.deposited_on + ALIKE_WITHIN),
    )
    found = select(ReceiptLine.id, func.max(Payment.received_on)).join(Payment, same).where(*batch.its_lines)
    rows = db.session.execute(found.group_by(ReceiptLine.id))
    return {line_id: day for line_id, day in rows if day is not None}


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
