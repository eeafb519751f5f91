"""Drafting a batch: its slip and its lines, typed in a grid or read from a file, saved while typing."""

from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, Refusal
from webapp.domain.organizations import Chapter
from webapp.domain.payments import batch_files, batch_lines, batches
from webapp.domain.payments.batch_files import Taken
from webapp.domain.payments.batches import ReceiptBatch, Slip
from webapp.domain.payments.payment import Method
from webapp.web.batch_entry import BeginForm, FileForm, SlipForm, number_in, slip_form, typed_rows
from webapp.web.batch_rows import grid, members_offered
from webapp.web.gates import current_organization
from webapp.web.htmx import is_swap, respond, see_other
from webapp.web.lists import PAGE, page_of


def index(persona: str, *, chapter: Chapter | None = None) -> Response:
    conditions = [ReceiptBatch.chapter_id == chapter.id] if chapter else []
    wanted = ReceiptBatch.here().select(*conditions).options(joinedload(ReceiptBatch.chapter))
    if after := request.args.get("after", type=UUID):
        wanted = wanted.where(ReceiptBatch.id < after)
    rows, last = page_of(db.session.scalars(wanted.order_by(ReceiptBatch.id.desc()).limit(PAGE + 1)).all())
    return respond(
        "shared/batches/index.html",
        "shared/batches/_list.html",
        persona=persona,
        rows=rows,
        after=last.id if last else None,
        form=BeginForm(formdata=None, data={"deposited_on": current_organization.today, "method": "check"}),
    )


def create(persona: str, *, chapter: Chapter | None = None) -> Response:
    """A new draft; what is wrong with its slip can be put right there."""
    form = BeginForm()
    ready = form.validate()
    today = current_organization.today
    slip = Slip(Method(form.method.data), form.deposited_on.data) if ready else Slip(Method.CHECK, today)
    with transaction():
        batch = batches.open_batch(slip, chapter=chapter, by=current_user)
    return see_other(f"{persona}.receipt_batch", batch_id=batch.id)


def draft(persona: str, batch: ReceiptBatch) -> Response:
    return page(persona, batch, slip_form(batch), FileForm(formdata=None))


def save(persona: str, batch_id: UUID, *, chapter: Chapter | None = None) -> Response:
    """Keep what was typed, whatever it is. The lines are kept also when the slip makes no sense yet."""
    form = SlipForm()
    ready = form.validate()
    with transaction():
        batch = batches.find(batch_id, chapter=chapter, lock=True)
        batch.refuse_other_version(number_in(form.version.data), form.form_key.data)
        batch_lines.write(batch, typed_rows(), current_organization)
        if ready:
            batch.describe(form.slip())
        batch.last_window = form.form_key.data
    if is_swap():
        return sums(persona, batch, form)
    if not ready:
        return page(persona, batch, form, FileForm(formdata=None), status=422)
    return _onwards(persona, batch)


def upload(persona: str, batch_id: UUID, *, chapter: Chapter | None = None) -> Response:
    form, sent = FileForm(), request.files.get("file")
    try:
        if not sent or not sent.filename:
            raise Invalid(fields={"file": "Choose a file."})
        with transaction():
            batch = batches.find(batch_id, chapter=chapter, lock=True)
            taken = batch_files.add_file(batch, sent.filename, sent.read(), current_organization)
    except Refusal as refusal:
        named = getattr(refusal, "fields", {}).get("file")
        form.refuse(Invalid(fields={"file": named or f"{refusal.message} {refusal.next_step}".strip()}))
        batch = batches.find(batch_id, chapter=chapter)
        return page(persona, batch, slip_form(batch), form, status=422)
    return see_other(f"{persona}.receipt_batch", notice=_told(taken), batch_id=batch_id)


def discard(persona: str, batch_id: UUID, *, chapter: Chapter | None = None) -> Response:
    with transaction():
        batches.find(batch_id, chapter=chapter, lock=True).discard(by=current_user)
    return see_other(f"{persona}.receipt_batches", notice="The draft is discarded.")


def page(
    persona: str, batch: ReceiptBatch, form: SlipForm, file_form: FileForm, status: int = 200
) -> Response:
    html = render_template(
        "shared/batches/draft.html",
        persona=persona,
        batch=batch,
        form=form,
        file_form=file_form,
        tally=batches.tally(batch),
        grid=grid(batch),
        members=members_offered(batch),
    )
    return Response(html, status, mimetype="text/html")


def sums(persona: str, batch: ReceiptBatch, form: SlipForm) -> Response:
    """What changed by itself while somebody typed."""
    tally = batches.tally(batch)
    html = render_template("shared/batches/_sums.html", persona=persona, batch=batch, tally=tally, form=form)
    return Response(html, mimetype="text/html")


def _onwards(persona: str, batch: ReceiptBatch) -> Response:
    step = request.form.get("step", "")
    if step == "post":
        return see_other(f"{persona}.check_receipt_batch", batch_id=batch.id)
    first, rows = request.form.get("first", 1, type=int), request.form.get("rows", 0, type=int)
    wanted: dict[str, Any] = {"first": first} if first > 1 else {}
    if step == "more":
        wanted["rows"] = rows + 10
    return see_other(f"{persona}.receipt_batch", batch_id=batch.id, **wanted)


def _told(taken: Taken) -> str:
    columns = ", ".join(f"“{heading}”" for heading in taken.columns)
    said = [f"{taken.lines:,} lines were read from {columns}."]
    if taken.nothing:
        said.append(f"{taken.nothing:,} without an amount were left out.")
    if taken.unused:
        said.append(f"Not used: {', '.join(f'“{heading}”' for heading in taken.unused)}.")
    return " ".join([*said, taken.notice]).strip()
