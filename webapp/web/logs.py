"""Structured logs: one line per request and per job, JSON in production, with ids and nothing secret."""

import logging
import re
import sys
import time
from http import HTTPStatus
from secrets import token_hex
from typing import Any
from uuid import UUID

import sentry_sdk
import structlog
from flask import Flask, Response, g, request

from webapp.config import Settings
from webapp.core import audit, tenancy
from webapp.core.redaction import redacted
from webapp.web import browsers, metrics

_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")

log = structlog.get_logger()


def configure(level: str, *, readable: bool) -> None:
    """For our own lines and for those of every library, so that none of them says what ours may not."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if readable
        else structlog.processors.JSONRenderer()
    )
    lowest = getattr(logging, level.upper(), logging.INFO)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _take_over_libraries(shared, renderer)


class _Libraries(logging.Handler):
    """What Flask, RQ and others log, written as we write."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{self.format(record)}\n")


def _take_over_libraries(shared: list[Any], renderer: Any) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Libraries)]:
        root.removeHandler(handler)
    ours = _Libraries()
    ours.setLevel(logging.WARNING)
    ours.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root.addHandler(ours)


def _redact(_: Any, __: str, event: Any) -> Any:
    for name, value in event.items():
        if not name.startswith("_"):
            event[name] = redacted(value, name)
    return event


def init(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    configure(settings.log_level, readable=not settings.is_production)
    if settings.sentry_dsn:
        sentry_sdk.init(
            settings.sentry_dsn,
            send_default_pii=False,
            max_request_body_size="never",
            include_local_variables=False,
        )
    app.before_request(_start)
    app.after_request(_finish)


def _start() -> None:
    request_id = g.request_id = _request_id(request.headers.get("X-Request-ID", ""))
    g.started = time.perf_counter()
    audit.origin.set(audit.Origin(request.remote_addr, browsers.named(), request_id=request_id))
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def _request_id(given: str) -> str:
    """A proxy's own id, so that its log and ours can be read together; anything odd is not taken over."""
    return given if _WELL_FORMED.fullmatch(given) and redacted(given) == given else token_hex(6)


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.get("request_id", "")
    endpoint, method, status = request.endpoint, request.method, response.status_code
    if endpoint == "static":
        return response
    seconds = time.perf_counter() - g.get("started", time.perf_counter())
    metrics.took(endpoint, method, status, seconds)
    organization_id = tenancy.organization_id_or_none()
    session, program = g.get("login_session"), g.get("program")
    log.info(
        "request",
        method=method,
        endpoint=endpoint,
        status=status,
        problem=g.get("problem"),
        milliseconds=round(seconds * 1000),
        organization_id=str(organization_id) if organization_id else None,
        login_id=str(session.login_id) if session else str(program.login.id) if program else None,
        **_asked_in_vain(status),
    )
    return response


def _asked_in_vain(status: int) -> dict[str, list[str]]:
    """Whose the rows are that somebody was refused is found out by their ids, and by nothing else."""
    if status not in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        return {}
    return {"asked": [str(value) for value in (request.view_args or {}).values() if isinstance(value, UUID)]}
