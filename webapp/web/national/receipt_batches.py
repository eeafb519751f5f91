"""Stacks of checks and payroll files of any members."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.domain.payments import batches
from webapp.web import batch_postings
from webapp.web import receipt_batches as drafts
from webapp.web.national import national
from webapp.web.request_keys import acts_once


@national.get("/payments/batches/")
def receipt_batches() -> Response:
    return drafts.index("national")


@national.post("/payments/batches/")
@acts_once
def create_receipt_batch() -> Response:
    return drafts.create("national")


@national.get("/payments/batches/<uuid:batch_id>/")
def receipt_batch(batch_id: UUID) -> Response:
    return batch_postings.show("national", batches.find(batch_id))


@national.post("/payments/batches/<uuid:batch_id>/")
def save_receipt_batch(batch_id: UUID) -> Response:
    return drafts.save("national", batch_id)


@national.post("/payments/batches/<uuid:batch_id>/file")
@acts_once
def upload_receipt_file(batch_id: UUID) -> Response:
    return drafts.upload("national", batch_id)


@national.post("/payments/batches/<uuid:batch_id>/discarding")
def discard_receipt_batch(batch_id: UUID) -> Response:
    return drafts.discard("national", batch_id)


@national.get("/payments/batches/<uuid:batch_id>/posting")
def check_receipt_batch(batch_id: UUID) -> Response:
    return batch_postings.check("national", batches.find(batch_id))


@national.post("/payments/batches/<uuid:batch_id>/posting")
@acts_once
def post_receipt_batch(batch_id: UUID) -> Response:
    return batch_postings.post("national", batch_id)


@national.get("/payments/batches/<uuid:batch_id>/deposit-slip.pdf")
def deposit_slip(batch_id: UUID) -> Response:
    return batch_postings.slip(batches.find(batch_id))
