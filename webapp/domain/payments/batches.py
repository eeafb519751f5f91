"""A stack of checks or a payroll file: typed or uploaded, checked against the deposit slip, posted together.

A draft keeps what was typed as it was typed, also what makes no sense yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, delete, func, select
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from webapp.core import audit, clock
from webapp.core.bulk import insert_rows
from webapp.core.db import Base, OrganizationRow, belongs_to, db, new_id, references, references_organization
from webapp.core.errors import Conflict, Invalid, NotFound
from webapp.domain.organizations import Chapter, Login, Member
from webapp.domain.payments.payment import OFFLINE, Method

MOST_LINES = 10_000
LONGEST_CELL = 200


class ReceiptBatchState(StrEnum):
    """`posting`: confirmed, and a worker writes it into the books."""

    DRAFT = "draft"
    POSTING = "posting"
    POSTED = "posted"


class ReceiptBatch(OrganizationRow, Base):
    """`expected_*` is what the deposit slip says; the lines have to come to it before they are posted.

    Without a chapter its lines may be of any member. `version` counts the changes of a draft,
    and `last_window` is where the last one was made. `problem` is why the last attempt to post it failed.
    """

    __tablename__ = "receipt_batches"

    chapter_id: Mapped[UUID | None]
    method: Mapped[Method]
    deposited_on: Mapped[date]
    deposit_reference: Mapped[str] = mapped_column(default="")
    expected_count: Mapped[int | None]
    expected_total: Mapped[int | None]
    receipts: Mapped[bool] = mapped_column(default=False)
    file_name: Mapped[str | None]
    file_digest: Mapped[str | None]
    state: Mapped[ReceiptBatchState] = mapped_column(default=ReceiptBatchState.DRAFT)
    version: Mapped[int] = mapped_column(default=1)
    last_window: Mapped[str | None]
    problem: Mapped[str | None]
    created_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    posted_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    posted_at: Mapped[datetime | None]

    chapter: Mapped[Chapter | None] = belongs_to("ReceiptBatch.chapter_id", "Chapter")
    created_by: Mapped[Login | None] = relationship(
        foreign_keys="ReceiptBatch.created_by_id", viewonly=True, lazy="raise"
    )
    posted_by: Mapped[Login | None] = relationship(
        foreign_keys="ReceiptBatch.posted_by_id", viewonly=True, lazy="raise"
    )

    __table_args__ = (
        references_organization(),
        references("chapters", "chapter_id"),
        CheckConstraint("expected_count >= 0 AND expected_total >= 0", "expectations_are_not_negative"),
        CheckConstraint("(state = 'posted') = (posted_at IS NOT NULL)", "posted_has_a_moment"),
        CheckConstraint(
            "state = 'draft' OR deposit_reference <> '' AND expected_count > 0 AND expected_total > 0",
            "posted_as_the_slip_says",
        ),
        Index("ix_receipt_batches_chapter", "organization_id", "chapter_id", "id"),
        Index(
            "ix_receipt_batches_file",
            "organization_id",
            "file_digest",
            postgresql_where="file_digest IS NOT NULL",
        ),
    )

    @property
    def is_draft(self) -> bool:
        return self.state is ReceiptBatchState.DRAFT

    def refuse_unless_draft(self) -> None:
        if not self.is_draft:
            raise Conflict(
                "This batch has been posted.",
                next_step="A wrong line is corrected by reversing its payment and recording it rightly.",
            )

    def refuse_other_version(self, version: int | None, window: str | None = None) -> None:
        """Two people, or two tabs, at one draft: nobody overwrites the other unseen. What the same window has
        saved meanwhile by itself is no reason.
        """
        if version != self.version and (window is None or window != self.last_window):
            raise Conflict(
                "This batch was changed in another window.", next_step="Load it again and look at it."
            )

    def describe(self, slip: "Slip") -> None:
        """What stands on the deposit slip. A draft may have gaps."""
        self.refuse_unless_draft()
        if slip.method not in OFFLINE:
            raise Invalid(fields={"method": "Choose how this money came."})
        self.method, self.deposited_on = slip.method, slip.deposited_on
        self.deposit_reference, self.receipts = slip.reference.strip(), slip.receipts
        self.expected_count, self.expected_total = slip.count, slip.total
        self.changed()

    def changed(self) -> None:
        self.version += 1
        self.problem = None

    def discard(self, *, by: Login) -> None:
        """A draft that nobody needs; nothing of it is in the books."""
        self.refuse_unless_draft()
        db.session.execute(delete(ReceiptLine).where(*self.its_lines))
        audit.record("receipt_batch_discarded", self, by=by, before={"reference": self.deposit_reference})
        db.session.delete(self)

    @property
    def its_lines(self) -> tuple[Any, ...]:
        return ReceiptLine.organization_id == self.organization_id, ReceiptLine.batch_id == self.id


@dataclass(frozen=True)
class Slip:
    """What the deposit slip says, or the covering letter of a payroll file. Amounts in minor units."""

    method: Method
    deposited_on: date
    reference: str = ""
    count: int | None = None
    total: int | None = None
    receipts: bool = False


class ReceiptLine(OrganizationRow, Base):
    """One check, one person's deduction. `keys` is what the line says of the member, the best first.

    `problem` is why it can't be posted yet; then member or amount may be missing.
    """

    __tablename__ = "receipt_lines"

    batch_id: Mapped[UUID]
    position: Mapped[int]
    keys: Mapped[list[Any]] = mapped_column(default=list)
    amount_text: Mapped[str] = mapped_column(default="")
    reference: Mapped[str] = mapped_column(default="")
    member_id: Mapped[UUID | None]
    amount: Mapped[int | None]
    problem: Mapped[str | None]

    member: Mapped[Member | None] = belongs_to("ReceiptLine.member_id", "Member")

    __table_args__ = (
        references("receipt_batches", "batch_id"),
        references("members", "member_id"),
        UniqueConstraint("organization_id", "batch_id", "position"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        CheckConstraint(
            "(problem IS NULL) = (member_id IS NOT NULL AND amount IS NOT NULL)", "complete_or_a_problem"
        ),
    )

    @property
    def who(self) -> str:
        return " · ".join(self.keys)


@dataclass(frozen=True)
class Tally:
    """What the lines come to, beside what the slip says."""

    lines: int
    total: int
    problems: int
    expected_lines: int | None
    expected_total: int | None

    @property
    def missing_lines(self) -> int:
        """Less than zero when there are more lines than the slip says."""
        return (self.expected_lines or 0) - self.lines

    @property
    def missing(self) -> int:
        """In minor units; less than zero when the lines come to more than the slip says."""
        return (self.expected_total or 0) - self.total


def open_batch(slip: Slip, *, chapter: Chapter | None, by: Login | None) -> ReceiptBatch:
    """An empty draft."""
    batch = ReceiptBatch(
        id=new_id(),
        chapter_id=chapter.id if chapter else None,
        method=slip.method,
        deposited_on=slip.deposited_on,
        created_by_id=by.id if by else None,
        version=0,
        state=ReceiptBatchState.DRAFT,
    )
    batch.describe(slip)
    db.session.add(batch)
    db.session.flush()
    return batch


def find(batch_id: UUID, *, chapter: Chapter | None = None, lock: bool = False) -> ReceiptBatch:
    """A treasurer finds only those of the own chapter."""
    people = (
        joinedload(ReceiptBatch.chapter),
        joinedload(ReceiptBatch.created_by),
        joinedload(ReceiptBatch.posted_by),
    )
    if lock:
        ReceiptBatch.here().get(batch_id, lock=True)
    found = db.session.scalars(
        ReceiptBatch.here().select(ReceiptBatch.id == batch_id).options(*people)
    ).one_or_none()
    if found is None or (chapter is not None and found.chapter_id != chapter.id):
        raise NotFound
    return found


def tally(batch: ReceiptBatch) -> Tally:
    counts = select(
        func.count(), func.coalesce(func.sum(ReceiptLine.amount), 0), func.count(ReceiptLine.problem)
    ).where(*batch.its_lines)
    lines, total, problems = db.session.execute(counts).one()
    return Tally(lines, int(total or 0), problems, batch.expected_count, batch.expected_total)


def replace_lines(batch: ReceiptBatch, positions: Sequence[int], rows: Sequence[dict[str, Any]]) -> None:
    """These positions hold these rows from now on; a position without a row is empty."""
    batch.refuse_unless_draft()
    db.session.execute(delete(ReceiptLine).where(*batch.its_lines, ReceiptLine.position.in_(positions)))
    insert_rows(ReceiptLine, [{"id": new_id(), "batch_id": batch.id} | row for row in rows])
    lines = db.session.scalar(select(func.count()).select_from(ReceiptLine).where(*batch.its_lines))
    if (lines or 0) > MOST_LINES:
        raise Invalid(f"A batch holds at most {MOST_LINES:,} lines. Split it into two deposits.")
    batch.changed()


def line_after_last(batch: ReceiptBatch) -> int:
    """The position below all that are taken."""
    last = db.session.scalar(select(func.max(ReceiptLine.position)).where(*batch.its_lines))
    return (last or 0) + 1


def same_file(batch: ReceiptBatch) -> ReceiptBatch | None:
    """Another batch that was read from the very same file."""
    if batch.file_digest is None:
        return None
    others = ReceiptBatch.here().select(
        ReceiptBatch.file_digest == batch.file_digest, ReceiptBatch.id != batch.id
    )
    return db.session.scalars(others.order_by(ReceiptBatch.id.desc()).limit(1)).first()


def note_posted(batch: ReceiptBatch, *, by: Login | None, payments: int, total: int) -> None:
    batch.state, batch.posted_at = ReceiptBatchState.POSTED, clock.now()
    after = {"deposit": batch.deposit_reference, "payments": payments, "total": total}
    audit.record("receipt_batch_posted", batch, by=by, after=after)
