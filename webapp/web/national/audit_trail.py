"""Who did what, and what was there before and after. ?subject=<id> is the history of one thing."""

import json
from datetime import date
from typing import Any
from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from webapp.core.audit import AuditEntry
from webapp.domain.reporting import trail
from webapp.domain.reporting.verification.seals import Seal
from webapp.web import changes
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv
from webapp.web.national import national

_HEADER = (
    "at", "by", "action", "subject_kind", "subject_id", "before", "after", "reason", "address", "browser",
    "token_id", "request_id",
)  # fmt: skip


@national.get("/audit-trail/", endpoint="audit_trail")
def index() -> Response:
    wanted = _wanted()
    if wants_csv():
        return stream_rows("audit-trail.csv", _HEADER, trail.entries(current_organization, wanted), _as_row)
    after = request.args.get("after", type=UUID)
    rows, last = page_of(trail.page(current_organization, wanted, after=after, size=PAGE + 1))
    return respond(
        "national/audit_trail/index.html",
        "national/audit_trail/_list.html",
        rows=changes.told(rows),
        after=last.id if last else None,
        wanted=wanted,
        kinds=sorted((kind, changes.sort_of(kind)) for kind in trail.kinds()),
        latest_seal=Seal.latest(),
    )


def _wanted() -> trail.Wanted:
    return trail.Wanted(
        person=request.args.get("person", "").strip(),
        action=request.args.get("action", "").strip(),
        text=request.args.get("q", "").strip(),
        kind=request.args.get("kind", ""),
        subject=request.args.get("subject", type=UUID),
        since=request.args.get("since", type=date.fromisoformat),
        until=request.args.get("until", type=date.fromisoformat),
    )


def _as_row(entry: AuditEntry) -> tuple[Any, ...]:
    return (
        entry.at.isoformat(),
        entry.by_name,
        entry.action,
        entry.subject_kind,
        str(entry.subject_id or ""),
        json.dumps(entry.before) if entry.before else "",
        json.dumps(entry.after) if entry.after else "",
        entry.reason,
        entry.address,
        entry.browser,
        str(entry.token_id or ""),
        entry.request_id,
    )
