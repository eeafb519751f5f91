"""Disputes and returned debits of all chapters."""

from uuid import UUID

from flask import Response, render_template
from werkzeug.wrappers import Response as AnyResponse

from webapp.web import disputes as shared
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/disputes/")
def disputes() -> AnyResponse:
    return shared.index("national")


@national.get("/disputes/<uuid:dispute_id>/")
def dispute(dispute_id: UUID) -> str:
    found = shared.loaded(dispute_id)
    return render_template("shared/disputes/show.html", persona="national", **shared.shown(found))


@national.get("/disputes/<uuid:dispute_id>/records.pdf")
def dispute_records(dispute_id: UUID) -> Response:
    return shared.records(dispute_id)


@national.post("/disputes/<uuid:dispute_id>/answer")
@acts_once
def create_dispute_answer(dispute_id: UUID) -> AnyResponse | tuple[str, int]:
    found, form = shared.loaded(dispute_id), shared.StatementForm()
    if not form.validate():
        page = shared.shown(found, form)
        return render_template("shared/disputes/show.html", persona="national", **page), 422
    return shared.answer("national", found, form.statement.data)


@national.get("/disputes/<uuid:dispute_id>/acceptance")
def new_dispute_acceptance(dispute_id: UUID) -> str:
    found = shared.loaded(dispute_id)
    return render_template("shared/disputes/acceptance.html", persona="national", dispute=found)


@national.post("/disputes/<uuid:dispute_id>/acceptance")
@acts_once
def create_dispute_acceptance(dispute_id: UUID) -> AnyResponse:
    return shared.accept("national", shared.loaded(dispute_id))
