"""Letters to members without an email address: drawn in stacks, bound into one file to print. A run's are
invoices.

A stack is as much as a worker draws at once in little memory. Together, in their order, they are the file.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    LargeBinary,
    Select,
    Text,
    UniqueConstraint,
    and_,
    cast,
    delete,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit, clock
from webapp.core.db import Base, OrganizationRow, db, new_id, references
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, JobState, OutboxJob, later
from webapp.domain.billing.invoice import Invoice, InvoiceLine
from webapp.domain.billing.run import BillingRun
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.notifications.invoice_pdf import MOST_LINES, InvoiceLetter, letter_of, printable
from webapp.domain.notifications.links import Links
from webapp.domain.organizations import Login, Member, Organization

MOST_LETTERS = 25
MOST_LINES_OF_A_STACK = 2 * MOST_LINES


class Binder(Protocol):
    """Puts drawings behind each other in one file."""

    def __call__(self, drawings: Iterable[bytes]) -> bytes: ...


class LetterStack(OrganizationRow, Base):
    """Some letters of a run or a mailing, in their order: `about` are the ids of invoices or members.
    `content` is their PDF as soon as a worker has drawn it."""

    __tablename__ = "letter_stacks"

    run_id: Mapped[UUID | None]
    action_id: Mapped[UUID | None]
    position: Mapped[int]
    about: Mapped[list[Any]] = mapped_column("invoice_ids")
    letters: Mapped[int]
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    drawn_at: Mapped[datetime | None]

    __table_args__ = (
        references("billing_runs", "run_id"),
        references("bulk_actions", "action_id"),
        CheckConstraint("num_nonnulls(run_id, action_id) = 1", "of_a_run_or_a_mailing"),
        UniqueConstraint("organization_id", "run_id", "position"),
        UniqueConstraint("organization_id", "action_id", "position"),
    )

    @property
    def ids(self) -> list[UUID]:
        return [UUID(one) for one in self.about]


_CAUSES = {"billing_runs": LetterStack.run_id, "bulk_actions": LetterStack.action_id}
"""Of what there are letters, by its table."""


@dataclass(frozen=True)
class Printing:
    """How far the letters are. `given_up`: some could not be drawn, and a person has to look."""

    letters: int
    drawn: int
    asked_at: datetime | None
    given_up: bool

    @property
    def is_under_way(self) -> bool:
        return self.drawn < self.letters and not self.given_up

    @property
    def is_done(self) -> bool:
        return 0 < self.letters == self.drawn


def addressed_on_paper(run: BillingRun) -> int:
    """How many invoices of the run go to members without an email address."""
    return db.session.scalar(_on_paper(run, func.count())) or 0


def ask(run: BillingRun, *, by: Login, most_letters: int = MOST_LETTERS) -> int:
    """Have the letters drawn as they are now, in the order of names; what was drawn before goes.

    The run's row is locked. While they are being drawn, asking again changes nothing.
    """
    if printing(run).is_under_way:
        return 0
    named = _on_paper(run, Invoice.id, _lines()).order_by(Member.last_name, Member.first_name, Invoice.number)
    stacks = list(in_stacks(db.session.execute(named), most_letters))
    if not stacks:
        raise Conflict("Every member of this run has an email address, so there is nothing to print.")
    return draw_anew(run, stacks, by=by)


def draw_anew(cause: OrganizationRow, stacks: Iterable[list[str]], *, by: Login) -> int:
    """In these stacks; what was drawn before goes. How many letters."""
    db.session.execute(delete(LetterStack).where(*_of(cause)))
    count, column = 0, _CAUSES[cause.__tablename__].key
    for position, ids in enumerate(stacks, 1):
        its = {"id": new_id(), column: cause.id, "position": position, "about": ids, "letters": len(ids)}
        stack = LetterStack(**its)
        db.session.add(stack)
        later(Job.DRAW_LETTERS, once=str(stack.id), stack_id=stack.id)
        count += len(ids)
    db.session.flush()
    audit.record("letters asked for", cause, by=by, after={"letters": count})
    return count


def printing(cause: OrganizationRow) -> Printing:
    drawn = func.sum(LetterStack.letters).filter(LetterStack.drawn_at.is_not(None))
    asked = select(func.sum(LetterStack.letters), drawn, func.max(LetterStack.created_at)).where(*_of(cause))
    letters, done, asked_at = db.session.execute(asked).one()
    waiting = select(cast(LetterStack.id, Text)).where(*_of(cause), LetterStack.drawn_at.is_(None))
    dead = OutboxJob.here().first(
        OutboxJob.name == Job.DRAW_LETTERS.work.name,
        OutboxJob.state == JobState.DEAD,
        OutboxJob.dedupe_key.in_(waiting),
    )
    return Printing(int(letters or 0), int(done or 0), asked_at, given_up=dead is not None)


def undrawn(stack_id: UUID) -> LetterStack | None:
    """None when it is drawn or gone."""
    return LetterStack.here().first(LetterStack.id == stack_id, LetterStack.drawn_at.is_(None))


def to_draw(
    stack: LetterStack, organization: Organization, links: Links, *, test_mode: bool
) -> list[InvoiceLetter]:
    """A run's letters as of now, without what was voided meanwhile."""
    found = {one.id: one for one in db.session.scalars(printable(Invoice.id.in_(stack.ids)))}
    live = [found[one] for one in stack.ids if not found[one].is_void]
    return [letter_of(invoice, organization, links, test_mode=test_mode) for invoice in live]


def keep(stack_id: UUID, content: bytes) -> None:
    stack = LetterStack.here().first(LetterStack.id == stack_id)
    if stack is not None:
        stack.content, stack.drawn_at = content, clock.now()


def drawings(cause: OrganizationRow) -> Iterator[bytes]:
    """One stack after the other, so that only one of them is in memory."""
    ids = db.session.scalars(select(LetterStack.id).where(*_of(cause)).order_by(LetterStack.position)).all()
    for stack_id in ids:
        drawn = db.session.scalar(select(LetterStack.content).where(*_of(cause), LetterStack.id == stack_id))
        if drawn:
            yield drawn


def _of(cause: OrganizationRow) -> tuple[ColumnElement[bool], ...]:
    its = _CAUSES[cause.__tablename__] == cause.id
    return LetterStack.organization_id == cause.organization_id, its


def _on_paper(run: BillingRun, *columns: Any) -> Select[Any]:
    same = and_(Member.organization_id == Invoice.organization_id, Member.id == Invoice.member_id)
    return (
        select(*columns)
        .select_from(Invoice)
        .join(Member, same)
        .where(
            Invoice.organization_id == run.organization_id,
            Invoice.run_id == run.id,
            Invoice.status != InvoiceStatus.VOID,
            func.coalesce(Member.email, "") == "",
        )
    )


def _lines() -> ColumnElement[int]:
    of_invoice = and_(
        InvoiceLine.organization_id == Invoice.organization_id, InvoiceLine.invoice_id == Invoice.id
    )
    return select(func.count()).select_from(InvoiceLine).where(of_invoice).scalar_subquery()


def in_stacks(rows: Iterable[Sequence[Any]], most_letters: int = MOST_LETTERS) -> Iterator[list[str]]:
    """Rows are an invoice and its number of lines. Few letters a stack, and fewer when they are long."""
    stack: list[str] = []
    lines = 0
    for invoice_id, count in rows:
        length = min(count, MOST_LINES)
        if stack and (len(stack) == most_letters or lines + length > MOST_LINES_OF_A_STACK):
            yield stack
            stack, lines = [], 0
        stack.append(str(invoice_id))
        lines += length
    if stack:
        yield stack
