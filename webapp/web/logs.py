"""Structured logs: one line per request with its id, its organization, and nothing secret."""

import logging
import time
from typing import Any
from uuid import uuid4

import sentry_sdk
import structlog
from flask import Flask, Response, g, request

from webapp.config import Settings
from webapp.core import audit

_SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "key")

log = structlog.get_logger()


def configure(level: str) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redact,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper(), logging.INFO)),
        cache_logger_on_first_use=False,
    )


def _redact(_: Any, __: str, event: Any) -> Any:
    for name in event:
        if any(word in name.lower() for word in _SECRET_WORDS):
            event[name] = "…"
    return event


def init(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    configure(settings.log_level)
    if settings.sentry_dsn:
        sentry_sdk.init(settings.sentry_dsn, send_default_pii=False)

    @app.before_request
    def _start() -> None:
        g.request_id = uuid4().hex[:12]
        g.started = time.perf_counter()
        audit.origin.set(audit.Origin(request.remote_addr, g.request_id))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def _finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        if request.endpoint != "static":
            organization = g.get("organization")
            log.info(
                "request",
                method=request.method,
                route=request.url_rule.rule if request.url_rule else None,
                status=response.status_code,
                milliseconds=round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000),
                organization=organization.slug if organization else None,
            )
        return response
