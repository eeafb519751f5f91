"""Bringing members in: upload, match the columns, check without writing, then import in stretches.

The check and the import decide by the same code. Repeating an import changes nothing: members are found by
their number, an empty cell changes nothing, and a field that was changed by hand stays unless the plan says
otherwise.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from webapp.core import audit, tenancy
from webapp.core.db import db
from webapp.core.errors import Conflict, NotFound
from webapp.core.jobs import Job, later
from webapp.domain.organizations import roster_columns, roster_file
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.member import Member, MemberStatus
from webapp.domain.organizations.organization import Organization
from webapp.domain.organizations.roster import (
    ColumnMapping,
    ImportState,
    RosterImport,
    RosterImportRow,
    RowOutcome,
)
from webapp.domain.organizations.roster_columns import ColumnPlan, Field, status_key
from webapp.domain.organizations.roster_comparison import Comparison, Decision
from webapp.domain.organizations.roster_directory import Directory
from webapp.domain.organizations.roster_file import REFUSED_LINE, REFUSED_REASON, RosterFile
from webapp.domain.organizations.roster_reading import Reading

STRETCH = 2_000


def upload(
    file_name: str, content: bytes, *, by: Login | None, chapter: Chapter | None = None
) -> RosterImport:
    """Keep the file, with the plan of the last one of this shape or a guess. Unreadable says why not."""
    file = roster_file.read(content)
    import_ = RosterImport(
        file_name=file_name[:200] or "roster.csv",
        content=content,
        encoding=file.encoding,
        mapping=_first_plan(file, chapter).to_json(),
        total_rows=len(file.lines),
        chapter_id=chapter.id if chapter else None,
        created_by_id=by.id if by else None,
    )
    db.session.add(import_)
    db.session.flush()
    return import_


def find(import_id: UUID, *, chapter: Chapter | None = None, lock: bool = False) -> RosterImport:
    """The import with this id; a treasurer finds only those of the own chapter."""
    import_ = RosterImport.here().get(import_id, lock=lock)
    if chapter is not None and import_.chapter_id != chapter.id:
        raise NotFound
    return import_


def file_of(import_: RosterImport) -> RosterFile:
    content = db.session.scalars(
        select(RosterImport.content).where(
            RosterImport.organization_id == import_.organization_id, RosterImport.id == import_.id
        )
    ).one()
    return roster_file.read(content)


def _first_plan(file: RosterFile, chapter: Chapter | None) -> ColumnPlan:
    key = roster_columns.header_key(file.headings)
    remembered = ColumnMapping.here().first(ColumnMapping.header_key == key)
    plan = roster_columns.guess(file)
    if remembered is not None:
        stored = ColumnPlan.from_json(remembered.mapping)
        plan = replace(stored, columns={**plan.columns, **stored.columns})
    if chapter is not None and not plan.has(Field.CHAPTER_CODE):
        plan = replace(plan, fixed={**plan.fixed, Field.CHAPTER_CODE: chapter.code})
    if chapter is None and not _has_members() and not roster_columns.is_template(file):
        proposed = {text: roster_columns.looks_billable(text) for text in unknown_statuses(file, plan)}
        plan = replace(plan, new_statuses=proposed)
    return plan


def _has_members() -> bool:
    return Member.here().first() is not None


def unknown_statuses(file: RosterFile, plan: ColumnPlan) -> dict[str, int]:
    """Statuses in the file that the organization has not defined, and how many lines have each."""
    known = {
        status_key(name)
        for row in db.session.execute(select(MemberStatus.code, MemberStatus.label))
        for name in row
    }
    found = roster_columns.statuses_in(file, plan)
    return {text: lines for text, lines in found.items() if status_key(text) not in known}


def use(import_: RosterImport, plan: ColumnPlan) -> None:
    """Read the file this way, and remember it for the next file of the same shape."""
    if import_.state not in (ImportState.UPLOADED, ImportState.CHECKED):
        raise Conflict("This import has started already; upload the file again to change how it is read.")
    plan.require_complete()
    import_.mapping, import_.state = plan.to_json(), ImportState.UPLOADED
    lasting = replace(plan, new_statuses={}, overwrite=False).to_json()
    key = roster_columns.header_key(file_of(import_).headings)
    db.session.execute(
        upsert(ColumnMapping)
        .values(header_key=key, mapping=lasting)
        .on_conflict_do_update(index_elements=["organization_id", "header_key"], set_={"mapping": lasting})
    )


def check(import_: RosterImport, organization: Organization) -> None:
    """Find out what an import would do, line by line, and write nothing but that."""
    if import_.state not in (ImportState.UPLOADED, ImportState.CHECKED):
        raise Conflict("This import has started already.")
    plan = import_.plan
    plan.require_complete()
    reading = Reading(file_of(import_), plan, organization.today)
    comparison, directory = Comparison(reading), Directory(plan, _chapter_of(import_))
    counts: Counter[str] = Counter()
    _forget_rows(import_)
    for start in range(0, import_.total_rows, STRETCH):
        decisions = comparison.decide(reading.candidates(start, STRETCH), directory)
        counts.update(_count(decisions))
        _keep_rows(import_, decisions)
    import_.counts = {**counts, **directory.additions}
    import_.state = ImportState.CHECKED


def start(import_: RosterImport, *, by: Login | None, now: bool = False) -> None:
    """Promise the import; a worker does it, unless the caller does it `now`."""
    if import_.state is not ImportState.CHECKED:
        raise Conflict("Only a file that was checked can be imported, and only once.")
    _forget_rows(import_)
    import_.state, import_.counts, import_.done_rows = ImportState.RUNNING, {}, 0
    audit.record("roster import started", import_, by=by, after={"file": import_.file_name})
    if not now:
        later(Job.IMPORT_ROSTER, once=str(import_.id), import_id=import_.id)


def fail(import_id: UUID, sentence: str) -> None:
    import_ = RosterImport.here().get(import_id, lock=True)
    import_.state, import_.error, import_.finished_at = ImportState.FAILED, sentence, func.now()


class Intake:
    """One import at work. The file is read once; each stretch is a transaction of its own, and where it got
    to is kept on the import, so that a worker that takes over goes on there.
    """

    def __init__(self, import_: RosterImport, organization: Organization) -> None:
        self.import_id, self.organization_id = import_.id, organization.id
        self.plan = import_.plan
        self.reading = Reading(file_of(import_), self.plan, organization.today)
        self.comparison = Comparison(self.reading)

    def bring_in_next(self) -> bool:
        """The next stretch; false when nothing is left."""
        _one_at_a_time(self.organization_id)
        import_ = RosterImport.here().get(self.import_id, lock=True)
        if import_.state is not ImportState.RUNNING:
            return False
        directory = Directory(self.plan, _chapter_of(import_))
        candidates = self.reading.candidates(import_.done_rows, STRETCH)
        decisions = self.comparison.decide(candidates, directory, lock=True)
        counts = Counter(import_.counts) + Counter(_count(decisions)) + Counter(directory.additions)
        directory.write()
        _write_members(decisions)
        _keep_rows(import_, decisions)
        import_.counts = dict(counts)
        import_.done_rows += len(decisions)
        if import_.done_rows >= import_.total_rows:
            _finish(import_)
        return not import_.is_over


def _one_at_a_time(organization_id: UUID) -> None:
    """Two imports of one organization wait for each other instead of creating a member twice."""
    db.session.execute(
        select(Organization.id).where(Organization.id == organization_id).with_for_update(key_share=True)
    )


def _finish(import_: RosterImport) -> None:
    import_.state, import_.finished_at = ImportState.DONE, func.now()
    by = db.session.get(Login, import_.created_by_id) if import_.created_by_id else None
    audit.record("roster imported", import_, by=by, after={"file": import_.file_name, **import_.counts})


def _chapter_of(import_: RosterImport) -> Chapter | None:
    return Chapter.here().get(import_.chapter_id) if import_.chapter_id else None


def _count(decisions: Sequence[Decision]) -> dict[str, int]:
    counts = Counter(decision.outcome.value for decision in decisions)
    if kept := sum(decision.keeps_something for decision in decisions):
        counts["kept"] = kept
    return dict(counts)


def _write_members(decisions: Sequence[Decision]) -> None:
    created = [decision.row for decision in decisions if decision.outcome is RowOutcome.CREATED]
    updated = [decision.row for decision in decisions if decision.outcome is RowOutcome.UPDATED]
    if created:
        db.session.execute(insert(Member), created)
    if updated:
        here = {"organization_id": tenancy.organization_id()}
        alike = sorted(updated, key=sorted)
        db.session.execute(update(Member), [{**here, **row} for row in alike])


def _forget_rows(import_: RosterImport) -> None:
    db.session.execute(
        delete(RosterImportRow).where(
            RosterImportRow.organization_id == import_.organization_id,
            RosterImportRow.import_id == import_.id,
        )
    )


def _keep_rows(import_: RosterImport, decisions: Sequence[Decision]) -> None:
    rows = [
        {
            "import_id": import_.id,
            "line": decision.candidate.line,
            "outcome": decision.outcome,
            "values": [_storable(cell) for cell in decision.candidate.cells],
            "reasons": decision.candidate.reasons,
            "changes": decision.changes,
        }
        for decision in decisions
        if decision.is_worth_listing
    ]
    if rows:
        db.session.execute(insert(RosterImportRow), rows)


def refused_rows(import_: RosterImport) -> Iterator[list[str]]:
    """The refused rows under their headings, with line and reason in two columns that an import skips."""
    headings = file_of(import_).headings
    yield [*headings, REFUSED_LINE, REFUSED_REASON]
    statement = RosterImportRow.here().select(
        RosterImportRow.import_id == import_.id, RosterImportRow.outcome == RowOutcome.REFUSED
    )
    for row in db.session.scalars(statement.order_by(RosterImportRow.line)):
        cells = [*row.values, *[""] * (len(headings) - len(row.values))]
        reasons = " ".join(f"{item['column']}: {item['reason']}".lstrip(": ") for item in row.reasons)
        yield [*cells[: len(headings)], str(row.line), reasons, *cells[len(headings) :]]


def _storable(cell: str) -> str:
    """PostgreSQL keeps no null byte in text; its picture stands in."""
    return cell.replace("\0", "\u2400")
