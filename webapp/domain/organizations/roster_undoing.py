"""Taking a whole import back: members it made go, members it changed get back what they had.

Only what nobody touched since is undone. A member who was billed meanwhile, or whom a person changed, stays
and is made inactive; a field with another value than the import gave it stays as it is. Each such row says
why.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, exists, func, select

from webapp.core import audit, tenancy
from webapp.core.bulk import patch_rows
from webapp.core.db import OrganizationRow, db
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, later
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.member import Member, MemberStatus, PledgeClass
from webapp.domain.organizations.organization import Organization
from webapp.domain.organizations.roster import (
    ImportState,
    RosterImport,
    RosterImportRow,
    UndoOutcome,
)
from webapp.domain.organizations.roster_intake import one_at_a_time
from webapp.domain.organizations.roster_verdicts import (
    BY_HAND,
    CHANGING,
    REASONS,
    referring,
    stretch_of,
    verdicts,
)

STRETCH = 2_000
NOT_WHOLE = [one for one in UndoOutcome if not one.is_whole]
_ADDED = {kind.__tablename__: kind for kind in (PledgeClass, Chapter, MemberStatus)}


def request(import_: RosterImport, *, by: Login | None, now: bool = False) -> None:
    """Promise to undo it; a worker does it, unless the caller does it `now`."""
    refuse_if_not_possible(import_)
    import_.state, import_.undone_rows, import_.undo_counts = ImportState.UNDOING, 0, {}
    import_.undone_by_id = by.id if by else None
    audit.record("undoing a roster import", import_, by=by, before={"file": import_.file_name})
    if not now:
        later(Job.UNDO_ROSTER, import_id=import_.id)


def refuse_if_not_possible(import_: RosterImport) -> None:
    if import_.state not in (ImportState.DONE, ImportState.FAILED):
        raise Conflict("Only an import that has been done can be undone, and only once.")
    made = RosterImportRow.import_id == import_.id, RosterImportRow.outcome.in_(CHANGING)
    if RosterImportRow.here().first(*made) is None:
        raise Conflict("This import changed no member, so there is nothing to undo.")
    if RosterImportRow.here().first(*made, RosterImportRow.member_id.is_(None)) is not None:
        raise Conflict("This import is older than the memory that undoing needs.")


def preview(import_: RosterImport) -> dict[str, int]:
    """How many rows would have which outcome, as things are now."""
    found = verdicts(import_).subquery()
    statement = select(found.c.outcome, func.count()).group_by(found.c.outcome)
    return {outcome: count for outcome, count in db.session.execute(statement)}


def imported_since(import_: RosterImport) -> int:
    """How many other imports were brought in after this one; undoing the latest first loses the least."""
    statement = (
        RosterImport.here()
        .select(RosterImport.id > import_.id, RosterImport.state == ImportState.DONE)
        .with_only_columns(func.count())
    )
    return db.session.scalar(statement) or 0


def go_on(import_id: UUID) -> bool:
    """The next stretch of rows; false when nothing is left. What a row became is kept with it, so a worker
    that takes over goes on behind the last one, and a second undoing finds nothing to do.
    """
    one_at_a_time()
    import_ = RosterImport.here().get(import_id, lock=True)
    if import_.state is not ImportState.UNDOING:
        return False
    _lock_members(import_)
    found = db.session.execute(verdicts(import_, STRETCH)).all()
    today = db.session.get_one(Organization, import_.organization_id).today
    _carry_out(found, today)
    counts = Counter(import_.undo_counts) + Counter(one.outcome for one in found)
    import_.undo_counts, import_.undone_rows = dict(counts), import_.undone_rows + len(found)
    if len(found) < STRETCH:
        _finish(import_)
    return import_.is_at_work


def _lock_members(import_: RosterImport) -> None:
    """Whoever is about to bill or change one of them has finished, or waits until we have."""
    stretch = stretch_of(import_, STRETCH)
    mine = Member.organization_id == import_.organization_id
    wanted = select(Member.id).join(stretch, stretch.c.member_id == Member.id).where(mine)
    db.session.execute(wanted.order_by(Member.id).with_for_update(of=Member)).all()


def _carry_out(verdicts: Sequence[Row[Any]], today: date) -> None:
    by_outcome: dict[str, list[Row[Any]]] = {}
    for verdict in verdicts:
        by_outcome.setdefault(verdict.outcome, []).append(verdict)
    last_day = today - timedelta(days=1)
    staying = by_outcome.get(UndoOutcome.DEACTIVATED, ())
    leaving = [one.member_id for one in staying if one.left_on is None or one.left_on > last_day]
    patch_rows(Member, [{"id": one, "left_on": last_day} for one in leaving])
    for outcome in (UndoOutcome.RESTORED, UndoOutcome.PARTLY):
        patch_rows(Member, [_restoration(one) for one in by_outcome.get(outcome, ())])
    removed = [one.member_id for one in by_outcome.get(UndoOutcome.REMOVED, ())]
    here = Member.organization_id == tenancy.organization_id()
    db.session.execute(delete(Member).where(here, Member.id.in_(removed)))
    patch_rows(
        RosterImportRow,
        [{"id": one.id, "undo": one.outcome, "undo_reasons": _sentences(one)} for one in verdicts],
    )


def _restoration(verdict: Row[Any]) -> dict[str, Any]:
    """The former values, and that a person had entered them if one had."""
    patch = {name: verdict.before[name] for name in verdict.restored}
    by_hand = [name for name in verdict.before.get(BY_HAND, ()) if name in patch]
    return {"id": verdict.member_id, **patch, BY_HAND: sorted({*verdict.changed_by_hand, *by_hand})}


def _sentences(verdict: Row[Any]) -> list[str]:
    match verdict.outcome:
        case UndoOutcome.DEACTIVATED:
            done = "; ".join(sorted({REASONS[what] for what in verdict.whats}))
            return [f"Made inactive instead of removed, because the member has since been {done}."]
        case UndoOutcome.PARTLY | UndoOutcome.KEPT:
            return [f"{_label(name)} was changed since and stays." for name in verdict.kept]
        case UndoOutcome.GONE:
            return ["The member is not there any more."]
        case _:
            return []


def _label(name: str) -> str:
    return name.removesuffix("_id").replace("_", " ").capitalize()


def _finish(import_: RosterImport) -> None:
    import_.state, import_.undone_at = ImportState.UNDONE, func.now()
    counts = Counter(import_.undo_counts)
    for table, kind in _ADDED.items():
        counts[table] = _remove_additions(kind, import_.additions.get(table, []))
    import_.undo_counts = {name: number for name, number in counts.items() if number}
    by = db.session.get(Login, import_.undone_by_id) if import_.undone_by_id else None
    audit.record("roster import undone", import_, by=by, after=import_.undo_counts)


def _remove_additions(kind: type[OrganizationRow], ids: Sequence[str]) -> int:
    """The chapters, statuses and pledge classes made on the way, those that nothing refers to."""
    unused = [
        ~exists().where(column.table.c.organization_id == kind.organization_id, column == kind.id)
        for column in referring(kind.__tablename__)
    ]
    here = kind.organization_id == tenancy.organization_id()
    gone = delete(kind).where(here, kind.id.in_(list(map(UUID, ids))), *unused).returning(kind.id)
    return len(db.session.execute(gone).all())


def not_undone(import_: RosterImport) -> Iterator[Sequence[str]]:
    """A line for each row that is not as if it had never been imported, with the reason."""
    statement = (
        RosterImportRow.here()
        .select(
            RosterImportRow.import_id == import_.id,
            RosterImportRow.undo.in_(NOT_WHOLE),
        )
        .outerjoin(
            Member,
            (Member.organization_id == RosterImportRow.organization_id)
            & (Member.id == RosterImportRow.member_id),
        )
        .with_only_columns(
            RosterImportRow.line,
            Member.number,
            Member.first_name,
            Member.last_name,
            RosterImportRow.undo,
            RosterImportRow.undo_reasons,
        )
        .order_by(RosterImportRow.line)
    )
    for line, number, first_name, last_name, outcome, reasons in db.session.execute(statement):
        yield str(line), number, first_name, last_name, outcome.value, " ".join(reasons)
