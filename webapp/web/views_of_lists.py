"""Which lists have saved views, and the usual view of somebody who opens one without asking for anything."""

from urllib.parse import parse_qsl, urlencode

from flask import current_app, g, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from webapp.core.errors import NotFound
from webapp.web.htmx import is_swap

LISTS = frozenset({
    "approvals.queue", "national.adjustments", "national.audit_trail", "national.chapters",
    "national.credit_notes", "national.disputes", "national.invoices", "national.journal",
    "national.mails", "national.members", "national.payments", "national.people", "national.refunds",
    "treasurers.adjustments", "treasurers.credit_notes", "treasurers.disputes", "treasurers.invoices",
    "treasurers.ledger", "treasurers.members", "treasurers.payments", "treasurers.refunds",
})  # fmt: skip
_NAMES = {"approvals.queue": "Approvals"}
_NOT_ASKED = {"after", "format", "view"}
_LONGEST = 2_000


def opened_plainly() -> str:
    """The list that is opened without asking for anything; `?view=all` asks for it as it is for everybody."""
    g.keeps_views = request.endpoint in LISTS
    asks = request.method != "GET" or request.query_string or is_swap()
    return "" if asks or not g.keeps_views else request.path


def lead_to(usual_view: str | None) -> Response | None:
    """For gates, once somebody is let in."""
    return None if usual_view is None else redirect(f"{request.path}?{usual_view}", 303)


def asked_of(query: str) -> str:
    """The filters and the order of an address, without the page it was on."""
    pairs = [pair for pair in parse_qsl(query) if pair[0] not in _NOT_ASKED]
    return urlencode(pairs)[:_LONGEST]


def named(address: str) -> str:
    """What stands at this path; NotFound when it is none of the lists of this organization."""
    try:
        endpoint, values = current_app.url_map.bind(request.host).match(address, method="GET")
    except HTTPException as error:
        raise NotFound from error
    if endpoint not in LISTS or values.get("org") != g.organization.slug:
        raise NotFound
    return _NAMES.get(endpoint) or endpoint.partition(".")[2].replace("_", " ").capitalize()
