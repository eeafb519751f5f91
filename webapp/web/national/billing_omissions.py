"""Whom a billing run left out, and why."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import request
from sqlalchemy import select
from werkzeug.wrappers import Response

from webapp.core.db import db
from webapp.domain.billing.run import BillingOmission, BillingRun
from webapp.domain.organizations import Member
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv
from webapp.web.national import national


@national.get("/billing-runs/<uuid:run_id>/omissions")
def billing_omissions(run_id: UUID) -> Response:
    found = BillingRun.open(run_id)
    if wants_csv():
        rows = ((one.number, one.name, one.reason.label) for one in _omitted(found, None))
        return stream_csv("left-out.csv", ("member_number", "name", "reason"), rows)
    shown, last = page_of(list(_omitted(found, request.args.get("after", type=UUID), PAGE + 1)))
    return respond(
        "national/billing_runs/omissions.html",
        "national/billing_runs/_omissions.html",
        run=found,
        omissions=shown,
        after=last.id if last else None,
    )


def _omitted(found: BillingRun, after: UUID | None, limit: int | None = None) -> Iterator[Any]:
    rows = (
        select(
            BillingOmission.id,
            BillingOmission.reason,
            Member.number,
            (Member.first_name + " " + Member.last_name).label("name"),
        )
        .join(
            Member,
            (Member.organization_id == BillingOmission.organization_id)
            & (Member.id == BillingOmission.member_id),
        )
        .where(BillingOmission.organization_id == found.organization_id, BillingOmission.run_id == found.id)
        .order_by(BillingOmission.id)
    )
    if after:
        rows = rows.where(BillingOmission.id > after)
    yield from db.session.execute(rows.limit(limit))
