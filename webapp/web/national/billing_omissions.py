"""Whom a billing run left out, or would leave out, and why."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from sqlalchemy import Select
from werkzeug.wrappers import Response

from webapp.core.errors import NotFound
from webapp.domain.billing import omissions
from webapp.domain.billing.assessing import Occasion
from webapp.domain.billing.run import BillingRun
from webapp.domain.billing.settings import DuesSettings
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv
from webapp.web.national import national
from webapp.web.national.billing_previews import RunForm


@national.get("/billing-runs/<uuid:run_id>/omissions")
def billing_omissions(run_id: UUID) -> Response:
    run = BillingRun.open(run_id)
    back = run.period.name, url_for("national.billing_run", run_id=run.id)
    return _listed(omissions.of_run(run), f"{run.schedule.name}, {run.period.name}", back)


@national.get("/billing-runs/preview/omissions")
def foreseen_omissions() -> Response:
    form = RunForm(formdata=request.args).offer()
    if not form.validate():
        raise NotFound
    schedule, period = form.chosen()
    settings = DuesSettings.of(current_organization)
    occasion = Occasion(schedule, period, current_organization.today, settings)
    back = "Preview", url_for("national.preview_billing_run", schedule=schedule.id, period=period.id)
    return _listed(omissions.foreseen(occasion), occasion.title, back)


def _listed(wanted: Select[Any], what: str, back: tuple[str, str]) -> Response:
    if wants_csv():
        rows = ((one.number, one.name, one.reason.label) for one in omissions.in_order(wanted))
        return stream_csv("left-out.csv", ("member_number", "name", "reason"), rows)
    after = request.args.get("after", type=UUID)
    shown, last = page_of(list(omissions.in_order(wanted, after=after, limit=PAGE + 1)))
    return respond(
        "national/billing_runs/omissions.html",
        "national/billing_runs/_omissions.html",
        what=what,
        back=back,
        omissions=shown,
        after=last.id if last else None,
    )
