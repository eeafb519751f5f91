"""Adjustments of a chapter's invoices."""

from uuid import UUID

from flask import Response as File
from werkzeug.wrappers import Response

from webapp.web import adjusting
from webapp.web import adjustments as shared
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/adjustments/")
def adjustments() -> Response:
    return shared.index("treasurers", chapter_id=current_chapter.id)


@treasurers.get("/adjustments/<uuid:adjustment_id>")
def adjustment(adjustment_id: UUID) -> str:
    return shared.show("treasurers", adjustment_id, chapter_id=current_chapter.id)


@treasurers.get("/adjustments/<uuid:adjustment_id>/document")
def adjustment_document(adjustment_id: UUID) -> File:
    return shared.document(adjustment_id, chapter_id=current_chapter.id)


@treasurers.post("/adjustments/<uuid:adjustment_id>/withdrawal")
def withdraw_adjustment(adjustment_id: UUID) -> Response:
    return shared.withdraw("treasurers", adjustment_id, chapter_id=current_chapter.id)


@treasurers.get("/invoices/<uuid:invoice_id>/adjustments/new")
def new_adjustment(invoice_id: UUID) -> Response:
    return adjusting.new("treasurers", invoice_id, chapter_id=current_chapter.id)


@treasurers.post("/invoices/<uuid:invoice_id>/adjustments/")
@acts_once
def create_adjustment(invoice_id: UUID) -> Response:
    return adjusting.create("treasurers", invoice_id, chapter_id=current_chapter.id)
