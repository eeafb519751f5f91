"""Members of one chapter from a file; rows of other chapters are refused."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.domain.organizations import roster_import as process
from webapp.web import roster_correcting, roster_imports, roster_undoing
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/imports/")
def imports() -> str:
    return roster_imports.index("treasurers", current_chapter)


@treasurers.get("/imports/template.csv")
def roster_template() -> Response:
    return roster_imports.template()


@treasurers.post("/imports/")
@acts_once
def upload_roster() -> Response | tuple[str, int]:
    return roster_imports.upload("treasurers", current_chapter)


@treasurers.get("/imports/<uuid:import_id>/")
def roster_import(import_id: UUID) -> Response | str:
    return roster_imports.show("treasurers", process.find(import_id, chapter=current_chapter))


@treasurers.post("/imports/<uuid:import_id>/matching")
def match_roster(import_id: UUID) -> Response | tuple[str, int]:
    return roster_imports.match("treasurers", import_id, current_chapter)


@treasurers.post("/imports/<uuid:import_id>/start")
def start_roster_import(import_id: UUID) -> Response:
    return roster_imports.start("treasurers", import_id, current_chapter)


@treasurers.get("/imports/<uuid:import_id>/refused.csv")
def refused_rows(import_id: UUID) -> Response:
    return roster_imports.refused(process.find(import_id, chapter=current_chapter))


@treasurers.get("/imports/<uuid:import_id>/corrections")
def rows_to_correct(import_id: UUID) -> Response | str:
    return roster_correcting.show("treasurers", process.find(import_id, chapter=current_chapter))


@treasurers.post("/imports/<uuid:import_id>/corrections")
def correct_refused_rows(import_id: UUID) -> Response | tuple[str, int]:
    return roster_correcting.create("treasurers", import_id, current_chapter)


@treasurers.get("/imports/<uuid:import_id>/undoing")
def preview_undoing(import_id: UUID) -> str:
    return roster_undoing.preview("treasurers", process.find(import_id, chapter=current_chapter))


@treasurers.post("/imports/<uuid:import_id>/undoing")
def undo_roster_import(import_id: UUID) -> Response:
    return roster_undoing.create("treasurers", import_id, current_chapter)


@treasurers.get("/imports/<uuid:import_id>/not-undone.csv")
def rows_not_undone(import_id: UUID) -> Response:
    return roster_undoing.not_undone(process.find(import_id, chapter=current_chapter))
