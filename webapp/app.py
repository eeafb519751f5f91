"""create_app: settings, then wiring, then routes, then error pages."""

from typing import TYPE_CHECKING, Any

from flask import Flask
from jinja2 import StrictUndefined
from sqlalchemy.engine import make_url
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp import cli, wiring
from webapp.config import Settings
from webapp.core import prepared, stale_connections, statements, tenancy
from webapp.core.cursor import engine_options
from webapp.core.db import db
from webapp.web import auth, bounds, errors, filters, logs, routes, security, translation
from webapp.web.again import PatientFlask
from webapp.web.htmx import htmx

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def create_app(settings: Settings) -> Flask:
    """The application for these settings, which must be complete (`wiring.complete`)."""
    app = PatientFlask(__name__, template_folder="../templates", static_folder="../static")
    app.config.from_mapping(_flask_settings(settings))
    app.jinja_options = {
        "trim_blocks": True,
        "lstrip_blocks": True,
        "undefined": StrictUndefined,
        "cache_size": -1,  # all: to keep the latest only, each use of one would be looked up in a long queue
    }
    db.init_app(app)
    with app.app_context():
        stale_connections.watch(db.engine)
        prepared.keep(db.engine)
    wiring.connect(app)
    htmx.init_app(app)
    for part in (logs, bounds, auth, security, translation, filters, errors, routes):
        part.init(app)
    app.leaving = security.protecting(settings)
    cli.register(app)
    with app.app_context():
        statements.work_out(db.engine.dialect)
    return app


def behind_proxies(app: Flask, hops: int) -> "WSGIApplication":
    """Believe exactly this many proxies about address, scheme and host; none of them when 0."""
    return ProxyFix(app, x_for=hops, x_proto=hops, x_host=hops) if hops else app


def _flask_settings(settings: Settings) -> dict[str, Any]:
    secure = settings.public_url.startswith("https://")
    return {
        "SETTINGS": settings,
        "SECRET_KEY": settings.secret_key,
        "SQLALCHEMY_DATABASE_URI": make_url(settings.database_url).set(drivername="postgresql+psycopg"),
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "hide_parameters": True,
            "query_cache_size": 2000,  # the pages alone ask in more than 800 ways, and 500 are usually kept
            "pool_size": 8,
            "max_overflow": 8,
            "pool_timeout": 3,
            **engine_options(**_connect_args(settings)),
            "execution_options": {} if settings.database_owner_url else {"role": "duesbook_app"},
        },
        "SESSION_COOKIE_NAME": "__Host-duesbook" if secure else "duesbook",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "MAX_CONTENT_LENGTH": 12 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 1024 * 1024,
        "MAX_FORM_PARTS": 2000,
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_CSRF_SSL_STRICT": True,
        "TRUSTED_HOSTS": None,
    }


def _connect_args(settings: Settings) -> dict[str, str]:
    """With one address for everything, the application still acts as its own role, never as the owner."""
    options = f"-c statement_timeout={tenancy.USUAL_PATIENCE} -c lock_timeout={tenancy.LOCK_PATIENCE}"
    if not settings.database_owner_url:
        options += " -c role=duesbook_app"
    return {"options": options, "application_name": "duesbook"}
