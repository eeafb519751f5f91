"""Bringing a roster in: the uploaded file, how its columns are read, and what became of each row."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, belongs_to, references, references_organization
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.roster_columns import ColumnPlan


class ImportState(StrEnum):
    UPLOADED = "uploaded"
    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class RowOutcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class ColumnMapping(OrganizationRow, Base):
    """How files with these headings are read; remembered for the next one of the same shape."""

    __tablename__ = "column_mappings"

    header_key: Mapped[str]
    mapping: Mapped[dict[str, Any]]

    __table_args__ = (references_organization(), UniqueConstraint("organization_id", "header_key"))


class RosterImport(OrganizationRow, Base):
    """One uploaded file. `counts` has a number per RowOutcome; `done_rows` of `total_rows` is the progress.

    `chapter_id` is set when a treasurer imports: rows of other chapters are refused then.
    """

    __tablename__ = "roster_imports"

    chapter_id: Mapped[UUID | None]
    file_name: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    encoding: Mapped[str]
    mapping: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[ImportState] = mapped_column(default=ImportState.UPLOADED)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    done_rows: Mapped[int] = mapped_column(default=0)
    total_rows: Mapped[int] = mapped_column(default=0)
    created_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None]

    chapter: Mapped[Chapter | None] = belongs_to("RosterImport.chapter_id", "Chapter")

    __table_args__ = (references_organization(), references("chapters", "chapter_id"))

    @property
    def plan(self) -> ColumnPlan:
        return ColumnPlan.from_json(self.mapping)

    @property
    def is_over(self) -> bool:
        return self.state in (ImportState.DONE, ImportState.FAILED)


class RosterImportRow(OrganizationRow, Base):
    """What became of one line, what stood in it, and why if refused. Lines that change nothing have none."""

    __tablename__ = "roster_import_rows"

    import_id: Mapped[UUID]
    line: Mapped[int]
    outcome: Mapped[RowOutcome]
    values: Mapped[list[Any]] = mapped_column(default=list)
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    changes: Mapped[dict[str, Any]] = mapped_column(default=dict)

    __table_args__ = (
        references("roster_imports", "import_id"),
        Index("uq_roster_import_rows_line", "organization_id", "import_id", "line", unique=True),
    )
