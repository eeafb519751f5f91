"""Members from a file, for the whole organization."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.domain.organizations import roster_import as process
from webapp.web import roster_correcting, roster_imports, roster_undoing
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/imports/")
def imports() -> str:
    return roster_imports.index("national")


@national.get("/imports/template.csv")
def roster_template() -> Response:
    return roster_imports.template()


@national.post("/imports/")
@acts_once
def upload_roster() -> Response | tuple[str, int]:
    return roster_imports.upload("national")


@national.get("/imports/<uuid:import_id>/")
def roster_import(import_id: UUID) -> Response | str:
    return roster_imports.show("national", process.find(import_id))


@national.post("/imports/<uuid:import_id>/matching")
def match_roster(import_id: UUID) -> Response | tuple[str, int]:
    return roster_imports.match("national", import_id)


@national.post("/imports/<uuid:import_id>/start")
def start_roster_import(import_id: UUID) -> Response:
    return roster_imports.start("national", import_id)


@national.get("/imports/<uuid:import_id>/refused.csv")
def refused_rows(import_id: UUID) -> Response:
    return roster_imports.refused(process.find(import_id))


@national.get("/imports/<uuid:import_id>/corrections")
def rows_to_correct(import_id: UUID) -> Response | str:
    return roster_correcting.show("national", process.find(import_id))


@national.post("/imports/<uuid:import_id>/corrections")
def correct_refused_rows(import_id: UUID) -> Response | tuple[str, int]:
    return roster_correcting.create("national", import_id)


@national.get("/imports/<uuid:import_id>/undoing")
def preview_undoing(import_id: UUID) -> str:
    return roster_undoing.preview("national", process.find(import_id))


@national.post("/imports/<uuid:import_id>/undoing")
def undo_roster_import(import_id: UUID) -> Response:
    return roster_undoing.create("national", import_id)


@national.get("/imports/<uuid:import_id>/not-undone.csv")
def rows_not_undone(import_id: UUID) -> Response:
    return roster_undoing.not_undone(process.find(import_id))
