"""An import at work: stretch by stretch through the file, either to tell what would happen or to do it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select

from webapp.core import audit, tenancy
from webapp.core.bulk import insert_rows, patch_rows
from webapp.core.db import db, new_id
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.member import Member
from webapp.domain.organizations.organization import Organization
from webapp.domain.organizations.roster import ImportState, RosterImport, RosterImportRow, RowOutcome
from webapp.domain.organizations.roster_comparison import Comparison, Decision
from webapp.domain.organizations.roster_directory import Directory
from webapp.domain.organizations.roster_reading import Candidate, Reading

STRETCH = 5_000


def one_at_a_time() -> None:
    """Two imports of one organization, or one and an undoing, wait for each other."""
    db.session.execute(
        select(Organization.id)
        .where(Organization.id == tenancy.organization_id())
        .with_for_update(key_share=True)
    )


class Intake:
    """Goes through the file once. Each stretch of an import is a transaction of its own, and where it got to
    is kept on the import, so that a worker that takes over goes on there. A check starts again instead: it
    has written nothing, and what it would make new is counted over the whole file.
    """

    def __init__(self, import_: RosterImport, organization: Organization) -> None:
        self.import_id, self.plan = import_.id, import_.plan
        self.reading = Reading(import_.file(), self.plan, organization.today)
        self.comparison = Comparison(self.reading)
        self._candidates: Iterator[Candidate] = iter(())
        self._reached: int | None = None
        self._directory: Directory | None = None

    def go_on(self) -> bool:
        """The next stretch; false when nothing is left."""
        one_at_a_time()
        import_ = RosterImport.here().get(self.import_id, lock=True)
        if import_.state not in (ImportState.CHECKING, ImportState.RUNNING):
            return False
        self._find_place(import_)
        brings_in = import_.state is ImportState.RUNNING
        directory = self._directory_for(import_)
        candidates = list(islice(self._candidates, STRETCH))
        decisions = self.comparison.decide(candidates, directory, lock=brings_in)
        additions = directory.additions
        if brings_in:
            _bring_in(import_, decisions, directory)
        _keep_rows(import_, decisions)
        self._count(import_, decisions, additions)
        if import_.done_rows >= import_.total_rows:
            _finish(import_)
        return import_.is_at_work

    def _find_place(self, import_: RosterImport) -> None:
        if self._reached == import_.done_rows:
            return
        if import_.state is ImportState.CHECKING:
            import_.done_rows, self._directory = 0, None
            self.comparison = Comparison(self.reading)
        if import_.done_rows == 0:
            import_.counts, import_.additions = {}, {}
            _forget_rows(import_)
        self._candidates = self.reading.candidates(import_.done_rows)

    def _directory_for(self, import_: RosterImport) -> Directory:
        """Read anew for each stretch of an import, since others may add a chapter meanwhile."""
        if self._directory is None or import_.state is ImportState.RUNNING:
            only = Chapter.here().get(import_.chapter_id) if import_.chapter_id else None
            self._directory = Directory(self.plan, only)
        return self._directory

    def _count(
        self, import_: RosterImport, decisions: Sequence[Decision], additions: dict[str, list[str]]
    ) -> None:
        counts = Counter({kind.value: import_.counts.get(kind, 0) for kind in RowOutcome})
        counts.update(decision.outcome.value for decision in decisions)
        counts["kept"] = import_.counts.get("kept", 0) + sum(one.keeps_something for one in decisions)
        if import_.state is ImportState.RUNNING:
            earlier = import_.additions
            additions = {
                table: [*earlier.get(table, []), *additions.get(table, [])]
                for table in {**earlier, **additions}
            }
            import_.additions = additions
        counts.update({table: len(ids) for table, ids in additions.items()})
        import_.counts = {name: number for name, number in counts.items() if number}
        import_.done_rows += len(decisions)
        self._reached = import_.done_rows


def _bring_in(import_: RosterImport, decisions: Sequence[Decision], directory: Directory) -> None:
    directory.write()
    insert_rows(Member, [one.row for one in decisions if one.outcome is RowOutcome.CREATED])
    patch_rows(Member, [one.row for one in decisions if one.outcome is RowOutcome.UPDATED])


def _finish(import_: RosterImport) -> None:
    if import_.state is ImportState.CHECKING:
        import_.state = ImportState.CHECKED
        return
    import_.state, import_.finished_at = ImportState.DONE, func.now()
    by = db.session.get(Login, import_.created_by_id) if import_.created_by_id else None
    audit.record("roster imported", import_, by=by, after={"file": import_.file_name, **import_.counts})


def _forget_rows(import_: RosterImport) -> None:
    db.session.execute(
        delete(RosterImportRow).where(
            RosterImportRow.organization_id == import_.organization_id,
            RosterImportRow.import_id == import_.id,
        )
    )


def _keep_rows(import_: RosterImport, decisions: Sequence[Decision]) -> None:
    insert_rows(RosterImportRow, [_kept(import_.id, one) for one in decisions if one.is_worth_listing])


def _kept(import_id: UUID, decision: Decision) -> dict[str, Any]:
    return {
        "id": new_id(),
        "import_id": import_id,
        "line": decision.candidate.line,
        "outcome": decision.outcome,
        "values": [_storable(cell) for cell in decision.candidate.cells],
        "reasons": decision.candidate.reasons,
        "changes": decision.changes,
        "member_id": decision.row.get("id"),
        "before": decision.before,
        "after": {name: decision.row[name] for name in decision.before},
    }


def _storable(cell: str) -> str:
    """PostgreSQL keeps no null byte in text; its picture stands in."""
    return cell.replace("\0", "\u2400")
