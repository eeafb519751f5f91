"""Bringing members in: upload, match the columns, check without writing, then import in stretches.

The check and the import decide by the same code. Repeating an import changes nothing: members are found by
their number, an empty cell changes nothing, and a field that was changed by hand stays unless the plan says
otherwise.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from webapp.core import audit
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
)
from webapp.domain.organizations.roster_columns import ColumnPlan, Field, status_key
from webapp.domain.organizations.roster_file import REFUSED_LINE, REFUSED_REASON, RosterFile, Unreadable
from webapp.domain.organizations.roster_intake import Intake

CHECKED_AT_ONCE = 5_000
_OTHER_ENDING = re.compile(r"\.(?!(csv|tsv|txt)$)[a-z][a-z0-9]*$", re.IGNORECASE)
"""What programs are known by. A date or a number behind a dot is none."""
_UNTOUCHED = (ImportState.UPLOADED, ImportState.CHECKED)


def upload(
    file_name: str, content: bytes, *, by: Login | None, chapter: Chapter | None = None
) -> RosterImport:
    """Keep the file, with the plan of the last one of this shape or a guess. Unreadable says why not."""
    file = roster_file.read(content)
    name = _plain_name(file_name)
    import_ = RosterImport(
        file_name=name[:200],
        content=content,
        encoding=file.encoding,
        mapping=_first_plan(file, chapter).to_json(),
        total_rows=file.count(),
        chapter_id=chapter.id if chapter else None,
        created_by_id=by.id if by else None,
    )
    db.session.add(import_)
    db.session.flush()
    return import_


def _plain_name(file_name: str) -> str:
    """Without the folders that some browsers and programs send along, and without what can't be seen."""
    last = re.split(r"[/\\]", file_name)[-1]
    name = "".join(filter(str.isprintable, last)).strip(". ") or "roster.csv"
    if match := _OTHER_ENDING.search(name):
        raise Unreadable(f"The name of a roster ends in .csv or .txt, and not in {match[0][:20]}.")
    return name


def find(import_id: UUID, *, chapter: Chapter | None = None, lock: bool = False) -> RosterImport:
    """The import with this id; a treasurer finds only those of the own chapter."""
    import_ = RosterImport.here().get(import_id, lock=lock)
    if chapter is not None and import_.chapter_id != chapter.id:
        raise NotFound
    return import_


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
    if import_.state not in _UNTOUCHED:
        raise Conflict("This import has started already; upload the file again to change how it is read.")
    plan.require_complete()
    import_.mapping, import_.state = plan.to_json(), ImportState.UPLOADED
    lasting = replace(plan, new_statuses={}, overwrite=False).to_json()
    key = roster_columns.header_key(import_.file().headings)
    db.session.execute(
        upsert(ColumnMapping)
        .values(header_key=key, mapping=lasting)
        .on_conflict_do_update(index_elements=["organization_id", "header_key"], set_={"mapping": lasting})
    )


def check(import_: RosterImport, organization: Organization, *, now: bool = False) -> None:
    """Find out what an import would do, line by line, and write nothing but that. A short file is looked
    through at once, a long one by a worker, unless the caller does it `now`.
    """
    if import_.state not in _UNTOUCHED:
        raise Conflict("This import has started already.")
    import_.plan.require_complete()
    import_.state, import_.done_rows = ImportState.CHECKING, 0
    if now:
        return
    if import_.total_rows > CHECKED_AT_ONCE:
        later(Job.CHECK_ROSTER, import_id=import_.id)
        return
    intake = Intake(import_, organization)
    while intake.go_on():
        pass


def start(import_: RosterImport, *, by: Login | None, unseen: bool = False, now: bool = False) -> None:
    """Promise the import; a worker does it, unless the caller does it `now`. A program may send a file
    `unseen`; a person has looked at the check before.
    """
    if import_.state is not ImportState.CHECKED and not (unseen and import_.state is ImportState.UPLOADED):
        raise Conflict("Only a file that was checked can be imported, and only once.")
    import_.plan.require_complete()
    import_.state, import_.done_rows = ImportState.RUNNING, 0
    audit.record("roster import started", import_, by=by, after={"file": import_.file_name})
    if not now:
        later(Job.IMPORT_ROSTER, once=str(import_.id), import_id=import_.id)


def fail(import_id: UUID, sentence: str) -> None:
    import_ = RosterImport.here().get(import_id, lock=True)
    import_.state, import_.error, import_.finished_at = ImportState.FAILED, sentence, func.now()


def refused_rows(import_: RosterImport) -> Iterator[list[str]]:
    """The refused rows under their headings, with line and reason in two columns that an import skips."""
    headings = import_.file().headings
    yield [*headings, REFUSED_LINE, REFUSED_REASON]
    for row in db.session.scalars(import_.refused()):
        reasons = " ".join(f"{item['column']}: {item['reason']}".lstrip(": ") for item in row.reasons)
        yield [*row.cells(len(headings)), str(row.line), reasons, *row.values[len(headings) :]]
