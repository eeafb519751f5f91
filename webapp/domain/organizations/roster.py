"""Bringing a roster in: the uploaded file, how its columns are read, and what became of each row."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, LargeBinary, Select, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, belongs_to, db, references, references_organization
from webapp.domain.organizations import roster_file
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.roster_columns import ColumnPlan
from webapp.domain.organizations.roster_file import RosterFile


class ImportState(StrEnum):
    UPLOADED = "uploaded"
    CHECKING = "checking"
    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


class RowOutcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class UndoOutcome(StrEnum):
    """What undoing made of one row. `partly` and `kept` are about fields that somebody changed since."""

    REMOVED = "removed"
    RESTORED = "restored"
    DEACTIVATED = "deactivated"
    PARTLY = "partly"
    KEPT = "kept"
    GONE = "gone"

    @property
    def is_whole(self) -> bool:
        """Whether it is as if the row had never been imported."""
        return self in (UndoOutcome.REMOVED, UndoOutcome.RESTORED)


class ColumnMapping(OrganizationRow, Base):
    """How files with these headings are read; remembered for the next one of the same shape."""

    __tablename__ = "column_mappings"

    header_key: Mapped[str]
    mapping: Mapped[dict[str, Any]]

    __table_args__ = (references_organization(), UniqueConstraint("organization_id", "header_key"))


class RosterImport(OrganizationRow, Base):
    """One uploaded file. `counts` has a number per RowOutcome; `done_rows` of `total_rows` is the progress.

    `chapter_id` is set when a treasurer imports: rows of other chapters are refused then. `additions` has the
    ids of the chapters, statuses and pledge classes that were made on the way, by table.
    `corrections` has the cells that were typed in place of a line of the file, by its number.
    """

    __tablename__ = "roster_imports"

    chapter_id: Mapped[UUID | None]
    file_name: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    encoding: Mapped[str]
    mapping: Mapped[dict[str, Any]] = mapped_column(default=dict)
    corrections: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    state: Mapped[ImportState] = mapped_column(default=ImportState.UPLOADED)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    done_rows: Mapped[int] = mapped_column(default=0)
    total_rows: Mapped[int] = mapped_column(default=0)
    created_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None]
    additions: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    undone_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    undone_at: Mapped[datetime | None]
    undone_rows: Mapped[int] = mapped_column(default=0, server_default="0")
    undo_counts: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")

    chapter: Mapped[Chapter | None] = belongs_to("RosterImport.chapter_id", "Chapter")

    __table_args__ = (references_organization(), references("chapters", "chapter_id"))

    @property
    def plan(self) -> ColumnPlan:
        return ColumnPlan.from_json(self.mapping)

    @property
    def is_at_work(self) -> bool:
        """Whether a worker is busy with it, and its page shows how far."""
        return self.state in (ImportState.CHECKING, ImportState.RUNNING, ImportState.UNDOING)

    @property
    def changed_rows(self) -> int:
        """How many rows of it made or changed a member."""
        return int(self.counts.get(RowOutcome.CREATED, 0)) + int(self.counts.get(RowOutcome.UPDATED, 0))

    @property
    def rows_not_undone(self) -> int:
        return sum(self.undo_counts.get(one.value, 0) for one in UndoOutcome if not one.is_whole)

    def refused(self, *only: ColumnElement[bool]) -> "Select[RosterImportRow]":
        """Its rows that were refused, in the order of the file's lines."""
        of_it = RosterImportRow.import_id == self.id, RosterImportRow.outcome == RowOutcome.REFUSED
        return RosterImportRow.here().select(*of_it, *only).order_by(RosterImportRow.line)

    def file(self) -> RosterFile:
        content = db.session.scalars(
            select(RosterImport.content).where(
                RosterImport.organization_id == self.organization_id, RosterImport.id == self.id
            )
        ).one()
        typed = {int(line): tuple(cells) for line, cells in self.corrections.items()}
        return replace(roster_file.read(content), corrected=typed)


class RosterImportRow(OrganizationRow, Base):
    """What became of one line, what stood in it, and why if refused. Lines that change nothing have none.

    `before` and `after` have the columns of the member that the import changed; with them it can be undone.
    """

    __tablename__ = "roster_import_rows"

    import_id: Mapped[UUID]
    line: Mapped[int]
    outcome: Mapped[RowOutcome]
    values: Mapped[list[Any]] = mapped_column(default=list)
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    changes: Mapped[dict[str, Any]] = mapped_column(default=dict)
    member_id: Mapped[UUID | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    undo: Mapped[UndoOutcome | None]
    undo_reasons: Mapped[list[Any] | None]

    __table_args__ = (
        references("roster_imports", "import_id"),
        Index("uq_roster_import_rows_line", "organization_id", "import_id", "line", unique=True),
        Index(
            "ix_roster_import_rows_member",
            "organization_id",
            "member_id",
            postgresql_where="member_id IS NOT NULL",
        ),
    )

    def cells(self, columns: int) -> list[str]:
        """What stood in the line, as many cells as there are headings."""
        return [*map(str, self.values), *[""] * columns][:columns]
