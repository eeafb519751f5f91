"""Adjustments of any invoice of the organization."""

from uuid import UUID

from flask import Response as File
from werkzeug.wrappers import Response

from webapp.web import adjusting
from webapp.web import adjustments as shared
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/adjustments/")
def adjustments() -> Response:
    return shared.index("national")


@national.get("/adjustments/<uuid:adjustment_id>")
def adjustment(adjustment_id: UUID) -> str:
    return shared.show("national", adjustment_id)


@national.get("/adjustments/<uuid:adjustment_id>/document")
def adjustment_document(adjustment_id: UUID) -> File:
    return shared.document(adjustment_id)


@national.post("/adjustments/<uuid:adjustment_id>/withdrawal")
def withdraw_adjustment(adjustment_id: UUID) -> Response:
    return shared.withdraw("national", adjustment_id)


@national.get("/invoices/<uuid:invoice_id>/adjustments/new")
def new_adjustment(invoice_id: UUID) -> Response:
    return adjusting.new("national", invoice_id)


@national.post("/invoices/<uuid:invoice_id>/adjustments/")
@acts_once
def create_adjustment(invoice_id: UUID) -> Response:
    return adjusting.create("national", invoice_id)
