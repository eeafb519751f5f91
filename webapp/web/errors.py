"""Every refusal as a page, a fragment or problem+json, with a reference and what to do next."""

from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from psycopg.errors import DiskFull, ExclusionViolation, QueryCanceled, UniqueViolation
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from webapp.core.db import db, give_up
from webapp.core.deadlocks import is_deadlock
from webapp.core.errors import Conflict, Invalid, Refusal, Unavailable
from webapp.web import again
from webapp.web.bounds import TakesTooLong
from webapp.web.htmx import is_swap

log = structlog.get_logger()

_TITLES = {
    400: "That request can't be read",
    401: "Please sign in",
    403: "Not allowed",
    404: "Nothing here",
    405: "Not possible this way",
    409: "Something has changed",
    413: "Too large",
    414: "Too long",
    415: "Not a kind of file we can read",
    422: "Please correct this",
    429: "A little slower, please",
    500: "Something went wrong on our side",
    503: "Not available right now",
}
CODES = {
    400: "unreadable",
    401: "token-needed",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    414: "query-too-long",
    415: "unsupported-media-type",
    422: "invalid",
    429: "too-many-requests",
    500: "failed",
    503: "unavailable",
}
_NEXT_STEPS = {
    404: "Check the address, or go back and follow the link again.",
    413: "Send a smaller file.",
    429: "Wait a minute and try again.",
    500: "Nothing was changed. Try again; if it happens again, tell us the reference below.",
}


class NoRoom(Unavailable):
    message = "There is no room left to save anything."
    next_step = "Nothing was changed. Pages can be read; try again once an operator has made room."


def init(app: Flask) -> None:
    app.register_error_handler(Refusal, refused)
    app.register_error_handler(CSRFError, _forged)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(IntegrityError, _collided)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(InternalError, _database_away)
    app.register_error_handler(PoolTimeout, _database_away)
    app.register_error_handler(500, _failed)


def refused(refusal: Refusal) -> Response:
    details = dict(refusal.details)
    if isinstance(refusal, Invalid) and refusal.fields:
        details["errors"] = refusal.fields
    response = problem(
        refusal.status,
        refusal.message,
        next_step=refusal.next_step,
        code=refusal.code,
        details=details,
    )
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def _forged(_: CSRFError) -> Response:
    return problem(
        400,
        "This form is too old, or it did not come from our own page.",
        next_step="Load the page again and send it once more. What you typed is still in your browser.",
        code="csrf",
    )


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    response = problem(status, error.description or "", next_step=_NEXT_STEPS.get(status, ""))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _database_away(error: DBAPIError | PoolTimeout) -> Response:
    if is_deadlock(error):
        return _deadlocked()
    give_up(db.session())
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, QueryCanceled):
        return refused(TakesTooLong())
    if isinstance(cause, DiskFull):
        log.error("disk_full")
        return refused(NoRoom())
    log.error("database_unavailable", reason=type(error).__name__)
    return refused(Unavailable("The database does not answer right now."))


def _deadlocked() -> Response:
    log.warning("deadlock")
    give_up(db.session())
    again.wish_for_another_try()
    return refused(Unavailable("Too many people are changing the same thing right now."))


def _collided(error: IntegrityError) -> Response:
    """Somebody made the same thing at the same moment. Any other broken rule is our own mistake."""
    if not isinstance(error.orig, UniqueViolation | ExclusionViolation):
        raise error
    log.warning("collided", constraint=error.orig.diag.constraint_name)
    give_up(db.session())
    return refused(Conflict("Somebody else made the same thing at the same moment."))


def _failed(error: HTTPException) -> Response:
    give_up(db.session())
    return problem(500, "The page could not be made.", next_step=_NEXT_STEPS[500])


def problem(
    status: int,
    message: str,
    *,
    next_step: str = "",
    code: str = "",
    details: Mapping[str, Any] | None = None,
) -> Response:
    """One problem in the form its asker reads: JSON for programs, a fragment for HTMX, a page for people."""
    title = _TITLES.get(status, "This did not work")
    g.problem = code or CODES.get(status, "refused")
    if request.path.startswith("/api/"):
        return _as_json(status, title, f"{message} {next_step}".strip(), details=details or {})
    context = {
        "code": status,
        "title": title,
        "message": message,
        "next_step": next_step,
        "request_id": g.get("request_id", ""),
    }
    template = "errors/_error.html" if is_swap() else "errors/error.html"
    response = make_response(render_template(template, **context), status)
    response.headers.add("Vary", "HX-Request")
    if is_swap():
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#notices", "innerHTML"
    return response


def _as_json(status: int, title: str, detail: str, *, details: Mapping[str, Any]) -> Response:
    body = {
        "type": f"/api/problems/{g.problem}",
        "title": title,
        "status": status,
        "detail": detail,
        **details,
    }
    response = jsonify(body | {"request_id": g.get("request_id", "")})
    response.status_code = status
    response.content_type = "application/problem+json"
    return response
