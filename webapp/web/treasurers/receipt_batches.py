"""Stacks of checks and payroll files of the chapter's members."""

from uuid import UUID

from werkzeug.wrappers import Response

from webapp.domain.payments import batches
from webapp.web import batch_postings
from webapp.web import receipt_batches as drafts
from webapp.web.gates import current_chapter
from webapp.web.request_keys import acts_once
from webapp.web.treasurers import treasurers


@treasurers.get("/payments/batches/")
def receipt_batches() -> Response:
    return drafts.index("treasurers", chapter=current_chapter)


@treasurers.post("/payments/batches/")
@acts_once
def create_receipt_batch() -> Response:
    return drafts.create("treasurers", chapter=current_chapter)


@treasurers.get("/payments/batches/<uuid:batch_id>/")
def receipt_batch(batch_id: UUID) -> Response:
    return batch_postings.show("treasurers", batches.find(batch_id, chapter=current_chapter))


@treasurers.post("/payments/batches/<uuid:batch_id>/")
def save_receipt_batch(batch_id: UUID) -> Response:
    return drafts.save("treasurers", batch_id, chapter=current_chapter)


@treasurers.post("/payments/batches/<uuid:batch_id>/file")
@acts_once
def upload_receipt_file(batch_id: UUID) -> Response:
    return drafts.upload("treasurers", batch_id, chapter=current_chapter)


@treasurers.post("/payments/batches/<uuid:batch_id>/discarding")
def discard_receipt_batch(batch_id: UUID) -> Response:
    return drafts.discard("treasurers", batch_id, chapter=current_chapter)


@treasurers.get("/payments/batches/<uuid:batch_id>/posting")
def check_receipt_batch(batch_id: UUID) -> Response:
    return batch_postings.check("treasurers", batches.find(batch_id, chapter=current_chapter))


@treasurers.post("/payments/batches/<uuid:batch_id>/posting")
@acts_once
def post_receipt_batch(batch_id: UUID) -> Response:
    return batch_postings.post("treasurers", batch_id, chapter=current_chapter)


@treasurers.get("/payments/batches/<uuid:batch_id>/deposit-slip.pdf")
def deposit_slip(batch_id: UUID) -> Response:
    return batch_postings.slip(batches.find(batch_id, chapter=current_chapter))
