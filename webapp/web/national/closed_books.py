"""Which days nothing can be posted on any more, who closed them, and opening them again with a reason."""

from datetime import timedelta
from uuid import UUID

from flask import render_template
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import DateField
from wtforms.validators import InputRequired

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain import ledger
from webapp.domain.ledger import ClosedSpan
from webapp.web.forms import Form, ReasonForm
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.lists import stream_csv, wants_csv
from webapp.web.national import national
from webapp.web.request_keys import acts_once

_HEADER = ("from", "to", "closed_by", "closed_at", "reopened_by", "reopened_at")


class ClosingForm(Form):
    day = DateField("Close the books through", [InputRequired("Choose the last day that is to be closed.")])


@national.get("/closed-books/")
def closed_books() -> Response | str:
    if wants_csv():
        return stream_csv("closed-books.csv", _HEADER, (_as_row(span) for span in _spans()))
    last_month_end = current_organization.today.replace(day=1) - timedelta(days=1)
    return _page(ClosingForm(formdata=None, day=last_month_end))


@national.post("/closed-books/")
@acts_once
def close_books() -> Response | tuple[str, int]:
    form = ClosingForm()
    if not form.validate():
        return _page(form), 422
    try:
        with transaction():
            span = ledger.close_through(form.day.data, by=current_user, today=current_organization.today)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form), 422
    return see_other("national.closed_books", notice=f"The books are closed through {span.ends_on}.")


@national.get("/closed-books/<uuid:span_id>/reopening")
def confirm_reopening(span_id: UUID) -> str:
    return _reopening(span_id, ReasonForm(formdata=None))


@national.post("/closed-books/<uuid:span_id>/reopening")
@acts_once
def reopen_books(span_id: UUID) -> Response | tuple[str, int]:
    form = ReasonForm()
    if not form.validate():
        return _reopening(span_id, form), 422
    with transaction():
        span = ClosedSpan.here().get(span_id, lock=True)
        span.reopen(by=current_user, reason=form.reason.data)
    return see_other("national.closed_books", notice="These books are open again.")


def _reopening(span_id: UUID, form: ReasonForm) -> str:
    span = ClosedSpan.here().get(span_id)
    return render_template("national/closed_books/reopening.html", span=span, form=form)


def _spans() -> list[ClosedSpan]:
    named = (joinedload(ClosedSpan.closed_by), joinedload(ClosedSpan.reopened_by))
    found = ClosedSpan.here().select().options(*named).order_by(ClosedSpan.id.desc())
    return list(db.session.scalars(found))


def _as_row(span: ClosedSpan) -> tuple[str, ...]:
    return (
        "" if span.is_from_the_beginning else span.starts_on.isoformat(),
        span.ends_on.isoformat(),
        span.closed_by.name if span.closed_by else "Duesbook",
        span.closed_at.isoformat(),
        span.reopened_by.name if span.reopened_by else "",
        span.reopened_at.isoformat() if span.reopened_at else "",
    )


def _page(form: ClosingForm) -> str:
    return render_template("national/closed_books/index.html", form=form, spans=_spans())
