"""What browsers say the content policy kept them from doing: a line in the log, so that somebody looks.

An attack that was stopped shows here, and so does a page of ours that asks for too much. Of the page's
address only its endpoint is kept: the rest may hold a link's secret.
"""

import json
import re
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.routing import RequestRedirect

from webapp.web import pace
from webapp.web.security import REPORTS, csrf

LARGEST = 64 * 1024
_WORD = re.compile(r"[a-z-]{1,40}")

policy_reports = Blueprint("policy_reports", __name__)
csrf.exempt(policy_reports)
log = structlog.get_logger()


@policy_reports.post(REPORTS)
def receive() -> Response:
    pace.count_report()
    request.max_content_length = LARGEST
    for told in _read(request.get_data(cache=False))[:10]:
        log.warning("policy_violated", **told)
    return Response(status=204)


def _read(body: bytes) -> list[dict[str, str]]:
    """Both ways to report: one object by `report-uri`, a list of them by `report-to`."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("This is not a report.") from error
    reports = sent if isinstance(sent, list) else [sent]
    return [_told(report) for report in reports if isinstance(report, dict)]


def _told(report: dict[str, Any]) -> dict[str, str]:
    facts = report.get("csp-report") or report.get("body")
    if not isinstance(facts, dict):
        raise BadRequest("This is not a report.")
    directive = facts.get("effective-directive") or facts.get("effectiveDirective")
    return {
        "directive": _word(directive or facts.get("violated-directive")),
        "blocked": _origin(facts.get("blocked-uri") or facts.get("blockedURL")),
        "page": _endpoint(facts.get("document-uri") or facts.get("documentURL")),
    }


def _word(said: object) -> str:
    found = _WORD.match(said) if isinstance(said, str) else None
    return found[0] if found else "unknown"


def _origin(address: object) -> str:
    """`https://elsewhere.example`, or a word such as `inline`."""
    try:
        parts = urlsplit(address if isinstance(address, str) else "")
    except ValueError:
        return "unknown"
    return f"{parts.scheme}://{parts.netloc}"[:100] if parts.netloc else _word(address)


def _endpoint(address: object) -> str:
    try:
        path = urlsplit(address if isinstance(address, str) else "").path
        adapter = current_app.create_url_adapter(request)
        return str(adapter.match(path, method="GET")[0]) if adapter else "unknown"
    except (ValueError, HTTPException, RequestRedirect):
        return "unknown"
