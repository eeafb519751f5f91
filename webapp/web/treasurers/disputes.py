"""Disputes and returned debits of the chapter."""

from uuid import UUID

from flask import Response, render_template
from werkzeug.wrappers import Response as AnyResponse

from webapp.web import disputes as shared
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/disputes/")
def disputes() -> AnyResponse:
    return shared.index("treasurers", chapter_id=current_chapter.id)


@treasurers.get("/disputes/<uuid:dispute_id>/")
def dispute(dispute_id: UUID) -> str:
    found = shared.loaded(dispute_id, chapter_id=current_chapter.id)
    return render_template("shared/disputes/show.html", persona="treasurers", **shared.shown(found))


@treasurers.get("/disputes/<uuid:dispute_id>/records.pdf")
def dispute_records(dispute_id: UUID) -> Response:
    return shared.records(dispute_id, chapter_id=current_chapter.id)


@treasurers.post("/disputes/<uuid:dispute_id>/answer")
@acts_once
def create_dispute_answer(dispute_id: UUID) -> AnyResponse | tuple[str, int]:
    found, form = shared.loaded(dispute_id, chapter_id=current_chapter.id), shared.StatementForm()
    if not form.validate():
        page = shared.shown(found, form)
        return render_template("shared/disputes/show.html", persona="treasurers", **page), 422
    return shared.answer("treasurers", found, form.statement.data)


@treasurers.get("/disputes/<uuid:dispute_id>/acceptance")
def new_dispute_acceptance(dispute_id: UUID) -> str:
    found = shared.loaded(dispute_id, chapter_id=current_chapter.id)
    return render_template("shared/disputes/acceptance.html", persona="treasurers", dispute=found)


@treasurers.post("/disputes/<uuid:dispute_id>/acceptance")
@acts_once
def create_dispute_acceptance(dispute_id: UUID) -> AnyResponse:
    return shared.accept("treasurers", shared.loaded(dispute_id, chapter_id=current_chapter.id))
