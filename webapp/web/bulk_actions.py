"""Something for many invoices or members at once: choose, look, confirm, follow. For treasurers and the
office.
"""

from typing import Any
from uuid import UUID

from flask import request
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField, SelectField, TextAreaField
from wtforms.validators import Length, Optional

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.billing.adjustments import AdjustmentKind
from webapp.domain.billing.search import InvoiceFilter
from webapp.domain.bulk_actions import choosing, progress, statements_on_paper
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkKind, Outcome, Terms
from webapp.web import invoices
from webapp.web.forms import Form, MoneyField, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv


class ConfirmForm(Form):
    """`seen` is the summary of the preview that it stands under."""

    seen = HiddenField()
    adjustment = SelectField(
        "Kind of adjustment",
        [Optional()],
        choices=offered([("", "Choose"), *((kind.value, kind.label) for kind in AdjustmentKind)]),
    )
    amount = MoneyField("Amount for each", [Optional()], description="Empty: all that is owed on each.")
    reason = TextAreaField("Reason", [Optional(), Length(max=500)])
    again = BooleanField("Send it once more today")

    def terms(self, action: BulkAction) -> Terms:
        if action.kind.is_about_members:
            return action.agreed
        reason = (self.reason.data or "").strip() or None
        if not action.kind.needs_terms:
            return Terms(reason)
        adjustment = AdjustmentKind(self.adjustment.data) if self.adjustment.data else None
        return Terms(reason, adjustment, self.amount.data)


def index(persona: str, *, chapter_id: UUID | None = None) -> Response:
    after = request.args.get("after", type=UUID)
    rows, last = page_of(progress.latest(chapter_id, after=after, size=PAGE + 1))
    return respond(
        "shared/bulk_actions/index.html",
        "shared/bulk_actions/_list.html",
        rows=rows,
        after=last.id if last else None,
        persona=persona,
    )


def choose(persona: str, *, chapter_id: UUID | None = None) -> Response:
    """What is ticked, or all that match the filters of the address."""
    kind = request.form.get("kind", type=BulkKind)
    if kind is None:
        raise Invalid("Choose what to do with these invoices.")
    wanted = invoices.wanted(chapter_id)
    if request.form.get("which") != "all":
        ticked = request.form.getlist("invoice", type=UUID)
        wanted = InvoiceFilter(chapter_id=chapter_id, among=ticked)
    try:
        with transaction():
            action = choosing.choose(
                kind, wanted, current_organization, chapter_id=chapter_id, by=current_user
            )
    except Invalid as refusal:
        return see_other(f"{persona}.invoices", notice=refusal.message, tone="warn", **invoices.filters())
    if kind is BulkKind.EXPORT:
        return see_other(f"{persona}.bulk_action_invoices", action_id=action.id)
    return see_other(f"{persona}.bulk_action", action_id=action.id)


def show(persona: str, action: BulkAction, form: ConfirmForm | None = None, status: int = 200) -> Response:
    if wants_csv():
        return results_file(action, request.args.get("outcome", type=Outcome))
    context = _preview(action, form) if action.is_chosen else _results(action)
    return respond(
        "shared/bulk_actions/show.html",
        "shared/bulk_actions/_action.html",
        status=status,
        action=action,
        persona=persona,
        **context,
    )


def confirm(persona: str, action: BulkAction) -> Response:
    form = ConfirmForm()
    if not form.validate():
        return show(persona, action, form, 422)
    try:
        with transaction():
            held = BulkAction.here().get(action.id, lock=True)
            terms, seen = form.terms(action), form.seen.data or ""
            choosing.confirm(
                held, current_organization, terms, seen=seen, by=current_user, again=form.again.data
            )
    except choosing.NotLookedAt:
        return show(persona, find(action.id), form)
    except Invalid as refusal:
        form.refuse(refusal)
        return show(persona, find(action.id), form, refusal.status)
    return see_other(f"{persona}.bulk_action", action_id=action.id)


def cancel(persona: str, action: BulkAction) -> Response:
    with transaction():
        BulkAction.here().get(action.id, lock=True).cancel(by=current_user)
    return see_other(
        f"{persona}.bulk_action", action_id=action.id, notice="Stopped. What is done stays done."
    )


def retry(persona: str, action: BulkAction) -> Response:
    with transaction():
        BulkAction.here().get(action.id, lock=True).retry(by=current_user)
    return see_other(f"{persona}.bulk_action", action_id=action.id)


def chosen_invoices(action: BulkAction, *, chapter_id: UUID | None = None) -> Response:
    """The chosen invoices as a file, with the columns of the list."""
    return invoices.as_csv(InvoiceFilter(chapter_id=chapter_id, among=progress.invoice_ids(action)))


def find(action_id: UUID, *, chapter_id: UUID | None = None) -> BulkAction:
    """A treasurer finds those of the own chapter alone."""
    found = BulkAction.here().select(BulkAction.id == action_id).options(joinedload(BulkAction.requested_by))
    action = db.session.scalars(found).first()
    if action is None or chapter_id not in (None, action.chapter_id):
        raise NotFound
    return action


def _preview(action: BulkAction, form: ConfirmForm | None) -> dict[str, Any]:
    terms = form.terms(action) if form and not form.errors else action.agreed
    seen = choosing.preview(action, current_organization, terms)
    form = form or ConfirmForm(formdata=None)
    form.seen.data = seen.summary
    return {"preview": seen, "form": form}


def _results(action: BulkAction) -> dict[str, Any]:
    outcome = request.args.get("outcome", type=Outcome)
    after = request.args.get("after", type=UUID)
    rows, last = page_of(progress.results(action, outcome=outcome, after=after, size=PAGE + 1))
    return {
        "counts": progress.counts(action),
        "on_paper": statements_on_paper.count(action),
        "stuck": action.is_running and progress.is_stuck(action),
        "rows": rows,
        "after": last.id if last else None,
        "outcome": outcome,
    }


def results_file(action: BulkAction, outcome: Outcome | None) -> Response:
    """What became of each invoice, or of those with this outcome, in the order of their turns."""
    header = ("invoice", "member_number", "member", "outcome", "note", "done_at")
    results = progress.results(action, outcome=outcome)
    lines = (
        (one.number, one.member_number, one.member, one.outcome.value, one.note, one.done_at)
        for one in results
    )
    return stream_csv("bulk-action.csv", header, lines)
