"""Drafting a batch: its slip and its lines, typed in a grid or read from a file, saved while typing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import BooleanField, DateField, FileField, HiddenField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, Refusal
from webapp.domain.organizations import Chapter
from webapp.domain.payments import batch_files, batch_lines, batches
from webapp.domain.payments.batch_files import Taken
from webapp.domain.payments.batch_lines import Typed
from webapp.domain.payments.batches import ReceiptBatch, Slip
from webapp.domain.payments.payment import OFFLINE, Method
from webapp.web.batch_rows import grid, members_offered
from webapp.web.forms import Form, MoneyField, NotNegative, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import is_swap, respond, see_other
from webapp.web.lists import PAGE, page_of

MOST_TYPED = 100
"""Rows that one page of the grid sends."""


class SlipForm(Form):
    method = SelectField("How it came", choices=offered((one.value, one.label) for one in OFFLINE))
    deposited_on = DateField("Day of the deposit", [InputRequired("Enter the day of the deposit.")])
    reference = StringField("Deposit reference", [Length(max=100)])
    count = IntegerField(
        "How many, by the slip", [Optional(), NumberRange(1, batches.MOST_LINES, "Enter how many there are.")]
    )
    total = MoneyField("Total, by the slip", [NotNegative()])
    receipts = BooleanField("Mail everybody a receipt when it is posted")
    version = HiddenField()

    def slip(self) -> Slip:
        return Slip(
            method=Method(self.method.data),
            deposited_on=self.deposited_on.data,
            reference=self.reference.data or "",
            count=self.count.data,
            total=self.total.data,
            receipts=self.receipts.data,
        )


class FileForm(Form):
    file = FileField("CSV file", description="With columns such as “Member number”, “Amount”, “Reference”.")


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
        form=SlipForm(formdata=None, data={"deposited_on": current_organization.today, "method": "check"}),
    )


def create(persona: str, *, chapter: Chapter | None = None) -> Response:
    """A new draft; what is wrong with its slip can be put right there."""
    form = SlipForm()
    ready = form.validate()
    slip = form.slip() if ready else Slip(Method.CHECK, current_organization.today)
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
        batch.refuse_other_version(_number(form.version.data), form.form_key.data)
        batch_lines.write(batch, _typed(), current_organization)
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


def slip_form(batch: ReceiptBatch) -> SlipForm:
    stored = {
        "reference": batch.deposit_reference,
        "count": batch.expected_count,
        "total": batch.expected_total,
    }
    return SlipForm(formdata=None, obj=batch, data=stored | {"method": batch.method.value})


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


def _typed() -> Sequence[Typed]:
    """The rows of the grid that were sent."""
    places = sorted({place for name in request.form if (place := _place(name))})
    return [
        Typed(
            place,
            request.form.get(f"who-{place}", ""),
            request.form.get(f"amount-{place}", ""),
            request.form.get(f"reference-{place}", ""),
            request.form.get(f"member-{place}", type=UUID),
        )
        for place in places[:MOST_TYPED]
    ]


def _place(name: str) -> int | None:
    text = name.removeprefix("who-")
    place = _number(text) if text != name else None
    return place if place and 0 < place <= batches.MOST_LINES * 2 else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _told(taken: Taken) -> str:
    columns = ", ".join(f"“{heading}”" for heading in taken.columns)
    said = [f"{taken.lines:,} lines were read from {columns}."]
    if taken.nothing:
        said.append(f"{taken.nothing:,} without an amount were left out.")
    if taken.unused:
        said.append(f"Not used: {', '.join(f'“{heading}”' for heading in taken.unused)}.")
    return " ".join([*said, taken.notice]).strip()
