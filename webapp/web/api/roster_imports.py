"""A roster as a file: sent, checked, brought in by a worker, and what was refused."""

from typing import Any
from uuid import UUID

from flask import g, request

from webapp.core.db import transaction
from webapp.core.errors import Invalid, NotFound, Refusal
from webapp.domain.organizations import (
    Chapter,
    RosterImport,
    RosterImportRow,
    UndoOutcome,
    roster_correcting,
    roster_import,
    roster_undoing,
)
from webapp.domain.organizations.roster import ImportState
from webapp.domain.organizations.roster_columns import Field as RosterField
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import OFFICERS, STAFF, acting
from webapp.web.api.fields import Shape, change_in, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import PAGED, page, pages_of

TOPIC = "Chapters and members"

_HOLDS = f.choice("What a column holds", RosterField)
_TEXT = f.text("A chapter's code, or a status", "ALP")
IMPORT = Shape(
    "RosterImport",
    {
        "id": f.identifier("The import"),
        "file_name": f.text("The file's name", "roster.csv"),
        "state": f.choice("Where it stands", ImportState),
        "done_rows": f.whole("Rows brought in so far", 1_357, most=10_000_000),
        "total_rows": f.whole("Rows in the file", 1_357, most=10_000_000),
        "columns": f.by_name("What each column holds", {"Card No": "number"}, _HOLDS),
        "for_all": f.by_name("What counts where no column says it", {"status": "member"}, _TEXT),
        "counts": f.counts("Rows by outcome", {"created": 1_350, "refused": 7}),
        "undone_rows": f.whole("Rows undone so far", 0, most=10_000_000),
        "undo_counts": f.counts("Rows by what undoing made of them", {"removed": 1_348, "deactivated": 2}),
        "error": f.text("What stopped it", "The file has no column for the last name.", most=2000).or_null(),
        "created_at": f.instant("When it was sent"),
        "finished_at": f.instant("When the last row was done").or_null(),
        "undone_at": f.instant("When it was undone").or_null(),
    },
)
REFUSED = Shape(
    "RefusedRow",
    {
        "line": f.whole("Its line in the file", 17, most=10_000_000),
        "values": f.texts("What stands in it, or was typed in its place"),
        "reasons": f.texts("Why it was refused"),
    },
)
NOT_UNDONE = Shape(
    "RowNotUndone",
    {
        "line": f.whole("Its line in the file", 17, most=10_000_000),
        "undo": f.choice("What became of it", UndoOutcome),
        "undo_reasons": f.texts("Why"),
    },
)
UPLOAD = shape_in(
    "RosterUpload",
    dry_run=f.flag("Only find out what would happen", example=False),
    hold=f.flag("Only keep the file, until it is said what its columns hold", example=False),
    file_name=f.text("What to call the file", "roster.csv", least=1),
)
PLAN = change_in(
    "RosterColumns",
    columns=f.by_name("What these columns hold; the others stay", {"Card No": "number"}, _HOLDS),
    for_all=f.by_name("What counts for every row", {"status": "member"}, _TEXT),
    new_statuses=f.by_name(
        "Statuses to make, and whether their members are billed",
        {"retiree": False},
        f.flag("Whether they are billed"),
    ),
    overwrite=f.flag("Whether the file wins over what was changed by hand", example=False),
)
CORRECTED = shape_in(
    "CorrectedRow",
    line=f.whole("Its line in the file", 17, least=1, most=10_000_000).needed(),
    values=f.texts("What counts in its place: a cell for each heading").needed(),
)
CORRECTIONS = shape_in(
    "RosterCorrections",
    rows=f.several(CORRECTED, "Rows that were refused", most=roster_correcting.MOST_LINES).needed(),
)
_IMPORTS = "/organizations/<uuid:organization_id>/roster-imports/"


class NoRoster(Refusal):
    status = 415
    code = "unsupported-media-type"
    message = "Send the roster as text/csv, or as the part “file” of multipart/form-data."


@operations.get(
    _IMPORTS,
    summary="List roster imports",
    topic=TOPIC,
    gives=pages_of(IMPORT),
    query=PAGED,
    allowed=STAFF,
)
def list_roster_imports(query: Values) -> Answer:
    """Every file that was sent. A treasurer's token finds its own chapter's."""
    found = bearer.reached(RosterImport.here().select(), RosterImport.chapter_id)
    return page(found, RosterImport, query, _tell)


@operations.post(
    _IMPORTS,
    summary="Import a roster",
    topic=TOPIC,
    gives=IMPORT,
    query=UPLOAD,
    status=202,
    uploads=("text/csv", "multipart/form-data"),
    allowed=OFFICERS,
)
def import_roster(query: Values) -> Answer:
    """A CSV file of members with a heading line. Members are found by their number, so sending a file again
    changes nothing. A worker brings it in, or only checks it when it is a dry run and long; read the import
    to watch it."""
    name, content = _sent(query)
    own = bearer.own_chapter()
    with transaction():
        chapter = Chapter.here().get(own) if own else None
        import_ = roster_import.upload(name, content, by=acting, chapter=chapter)
        if query.get("dry_run", False):
            roster_import.check(import_, g.organization)
        elif not query.get("hold", False):
            roster_import.start(import_, by=acting, unseen=True)
    return _told(import_.id)


@operations.patch(
    _IMPORTS + "<uuid:import_id>/",
    summary="Say what the columns of a roster hold",
    topic=TOPIC,
    gives=IMPORT,
    takes=PLAN,
    allowed=OFFICERS,
)
def map_roster_columns(import_id: UUID, body: Values) -> Answer:
    """As long as it has not begun. It is remembered for the next file with the same headings."""
    with transaction():
        import_ = _found(import_id, lock=True)
        plan = import_.plan.changed(
            columns=body.get("columns", {}),
            fixed={_field(name): text for name, text in body.get("for_all", {}).items()},
            new_statuses=body.get("new_statuses", {}),
            overwrite=body.get("overwrite"),
        )
        roster_import.use(import_, plan)
    return _told(import_id)


@operations.post(
    _IMPORTS + "<uuid:import_id>/check/",
    summary="Check a roster import",
    topic=TOPIC,
    gives=IMPORT,
    status=202,
    allowed=OFFICERS,
)
def check_roster_import(import_id: UUID) -> Answer:
    """Find out what it would do, row by row, and change nothing. A worker looks through a long file."""
    with transaction():
        roster_import.check(_found(import_id, lock=True), g.organization)
    return _told(import_id)


@operations.post(
    _IMPORTS + "<uuid:import_id>/corrections/",
    summary="Correct refused rows of a roster import",
    topic=TOPIC,
    gives=IMPORT,
    takes=CORRECTIONS,
    status=202,
    allowed=OFFICERS,
)
def correct_roster_rows(import_id: UUID, body: Values) -> Answer:
    """After a check and before the import. The cells sent count in place of those of the line, and the whole
    file is checked again; the file itself stays as it was sent."""
    typed = {row["line"]: row["values"] for row in body["rows"]}
    with transaction():
        roster_correcting.correct(_found(import_id, lock=True), typed, g.organization, by=acting)
    return _told(import_id)


@operations.post(
    _IMPORTS + "<uuid:import_id>/start/",
    summary="Start a roster import",
    topic=TOPIC,
    gives=IMPORT,
    status=202,
    allowed=OFFICERS,
)
def start_roster_import(import_id: UUID) -> Answer:
    """Bring in a file that was held or checked; a worker does it. Once only."""
    with transaction():
        roster_import.start(_found(import_id, lock=True), by=acting, unseen=True)
    return _told(import_id)


@operations.get(
    _IMPORTS + "<uuid:import_id>/", summary="Watch a roster import", topic=TOPIC, gives=IMPORT, allowed=STAFF
)
def read_roster_import(import_id: UUID) -> Answer:
    """How far it is, and how many rows were created, updated, unchanged and refused."""
    return _told(import_id)


@operations.get(
    _IMPORTS + "<uuid:import_id>/refused-rows/",
    summary="List the refused rows of a roster import",
    topic=TOPIC,
    gives=pages_of(REFUSED),
    query=PAGED,
    allowed=STAFF,
)
def list_refused_rows(import_id: UUID, query: Values) -> Answer:
    """Each with its line, what stood in it, and why it was refused."""
    found = _found(import_id).refused().order_by(None)
    return page(found, RosterImportRow, query, REFUSED.tell)


@operations.post(
    _IMPORTS + "<uuid:import_id>/undo/",
    summary="Undo a roster import",
    topic=TOPIC,
    gives=IMPORT,
    status=202,
    allowed=OFFICERS,
)
def undo_roster_import(import_id: UUID) -> Answer:
    """Members it made are removed, members it changed get back what they had, where nobody touched them
    since. Members who have been billed, changed by hand or given a login stay and are made inactive. Read
    the import to watch it, and its rows that could not be undone for the reasons."""
    with transaction():
        roster_undoing.request(_found(import_id, lock=True), by=acting)
    return _told(import_id)


@operations.get(
    _IMPORTS + "<uuid:import_id>/rows-not-undone/",
    summary="List the rows of a roster import that could not be undone",
    topic=TOPIC,
    gives=pages_of(NOT_UNDONE),
    query=PAGED,
    allowed=STAFF,
)
def list_rows_not_undone(import_id: UUID, query: Values) -> Answer:
    """Each with its line, what became of it, and why."""
    of_it = RosterImportRow.import_id == _found(import_id).id
    found = RosterImportRow.here().select(of_it, RosterImportRow.undo.in_(roster_undoing.NOT_WHOLE))
    return page(found, RosterImportRow, query, NOT_UNDONE.tell)


def _sent(query: Values) -> tuple[str, bytes]:
    name: str = query.get("file_name", "")
    if request.mimetype == "text/csv":
        return name or "roster.csv", request.get_data()
    if upload := request.files.get("file"):
        return name or upload.filename or "roster.csv", upload.read()
    if "file" not in request.form:
        raise NoRoster
    return name or "roster.csv", request.form["file"].encode()


def _field(name: str) -> RosterField:
    if name not in set(RosterField):
        raise Invalid(fields={"for_all": f"“{name}” is nothing that a roster says."})
    return RosterField(name)


def _told(import_id: UUID) -> Answer:
    return _tell(_found(import_id))


def _tell(import_: RosterImport) -> dict[str, Any]:
    plan = import_.plan
    return IMPORT.tell(import_, columns=dict(plan.columns), for_all={**plan.fixed})


def _found(import_id: UUID, *, lock: bool = False) -> Any:
    found = RosterImport.here().first(RosterImport.id == import_id, lock=lock)
    if found is None:
        raise NotFound
    bearer.in_reach(chapter_id=found.chapter_id)
    return found
