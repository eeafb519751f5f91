"""Looking a batch over, posting it, and what it looks like afterwards."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import render_template
from flask_login import current_user
from sqlalchemy import Select, and_
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField

from webapp import wiring
from webapp.core import money
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.notifications.letter import Sheet, letterhead
from webapp.domain.organizations import Chapter
from webapp.domain.payments import batch_posting, batches
from webapp.domain.payments.batch_posting import NeedsASecondLook
from webapp.domain.payments.batches import ReceiptBatch, ReceiptBatchState, ReceiptLine
from webapp.domain.payments.payment import Payment
from webapp.web import receipt_batches
from webapp.web.batch_rows import posted
from webapp.web.forms import Form
from webapp.web.gates import current_organization
from webapp.web.htmx import is_swap, respond, see_other
from webapp.web.invoices import as_file
from webapp.web.lists import stream_csv, wants_csv

_HEADER = (
    "line", "deposit", "deposited_on", "method", "member_number", "member", "amount", "currency", "reference",
    "state",
)  # fmt: skip
MOST_SHOWN = 200
MOST_ON_PAPER = 500


class PostForm(Form):
    version = HiddenField()
    sure = BooleanField("I have looked: these are other payments")


def show(persona: str, batch: ReceiptBatch) -> Response:
    """The draft, the waiting, or the posted batch."""
    if batch.is_draft:
        return receipt_batches.draft(persona, batch)
    if wants_csv():
        return stream_csv("deposit.csv", _HEADER, _csv_rows(batch))
    at_work = batch.state is ReceiptBatchState.POSTING
    if not at_work and is_swap():
        return see_other(f"{persona}.receipt_batch", batch_id=batch.id)
    rows, after = ([], None) if at_work else posted(batch)
    return respond(
        "shared/batches/posted.html",
        "shared/batches/_waiting.html",
        persona=persona,
        batch=batch,
        rows=rows,
        after=after,
    )


def check(persona: str, batch: ReceiptBatch) -> Response:
    if not batch.is_draft:
        return see_other(f"{persona}.receipt_batch", batch_id=batch.id)
    return _page(persona, batch, PostForm(formdata=None))


def post(persona: str, batch_id: UUID, *, chapter: Chapter | None = None) -> Response:
    form = PostForm()
    version = int(form.version.data) if (form.version.data or "").isdecimal() else 0
    form.validate()
    try:
        with transaction():
            batch = batches.find(batch_id, chapter=chapter, lock=True)
            batch_posting.post(
                batch,
                by=current_user,
                version=version,
                sure=form.sure.data,
                organization=current_organization,
            )
    except Invalid as refusal:
        form.refuse(refusal)
    except NeedsASecondLook as refusal:
        form.refuse(Invalid(fields={"sure": f"{refusal.message} {refusal.next_step}"}))
    if form.errors:
        return _page(persona, batches.find(batch_id, chapter=chapter), form, status=422)
    return see_other(
        f"{persona}.receipt_batch",
        batch_id=batch_id,
        notice="The batch is posted." if batch.posted_at else None,
    )


def slip(batch: ReceiptBatch) -> Response:
    """The deposit slip for the bank, as a PDF. A payroll file of thousands is not listed there."""
    sheet = Sheet(**letterhead(current_organization, test_mode=wiring.settings().test_mode))
    lines = db.session.scalars(_lines(batch).limit(MOST_ON_PAPER)).all()
    facts = {"batch": batch, "lines": lines, "tally": batches.tally(batch)}
    return as_file(wiring.printer().draw_sheet("deposit_slip", sheet, facts), "deposit-slip.pdf")


def _lines(batch: ReceiptBatch) -> Select[Any]:
    mine = ReceiptLine.here().select(ReceiptLine.batch_id == batch.id).order_by(ReceiptLine.position)
    return mine.options(joinedload(ReceiptLine.member))


def _page(persona: str, batch: ReceiptBatch, form: PostForm, status: int = 200) -> Response:
    found = batch_posting.check(batch, current_organization)
    html = render_template(
        "shared/batches/check.html",
        persona=persona,
        batch=batch,
        form=form,
        found=found,
        shown=found.settled[:MOST_SHOWN],
    )
    return Response(html, status, mimetype="text/html")


def _csv_rows(batch: ReceiptBatch) -> Iterator[tuple[Any, ...]]:
    """Asked only when the file is written."""
    its = and_(
        Payment.organization_id == ReceiptLine.organization_id, Payment.receipt_line_id == ReceiptLine.id
    )
    found = _lines(batch).add_columns(Payment).join(Payment, its)
    for line, payment in db.session.execute(found):
        yield (
            line.position, batch.deposit_reference, batch.deposited_on, payment.method.value,
            line.member.number, line.member.name, money.plain(payment.amount, payment.currency),
            payment.currency, payment.reference, payment.state.value,
        )  # fmt: skip
