"""Headers on every answer, CSRF on every form, and the one host that links and redirects use."""

import hashlib
from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask_wtf import CSRFProtect
from itsdangerous import Signer
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest

from webapp.config import Settings

csrf = CSRFProtect()
REPORTS = "/policy-reports"
"""Where browsers say what the content policy kept them from doing (policy_reports.py)."""

_CHECKOUT_HOSTS = ("https://checkout.stripe.com",)
_FILE_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
"""For what is saved and not shown: should a browser open it all the same, nothing in it runs."""
_ASKED_BY_ADDRESS = ("/healthz", "/readyz", "/metrics")
"""Whoever watches the servers calls each of them by its own address, not by the public one."""


def init(app: Flask) -> None:
    Signer.default_digest_method = staticmethod(hashlib.sha256)
    csrf.init_app(app)
    settings: Settings = app.config["SETTINGS"]
    policy = _content_policy(settings)
    secure = settings.public_url.startswith("https://")
    host = urlsplit(settings.public_url).netloc

    @app.before_request
    def _right_host() -> None:
        if settings.is_production and request.host != host and request.path not in _ASKED_BY_ADDRESS:
            raise BadRequest("This address is not one of ours.")

    @app.before_request
    def _same_site() -> None:
        """A browser says when another site sent the form; such a form is never ours."""
        if request.method in ("GET", "HEAD", "OPTIONS") or request.path.startswith("/api/"):
            return
        if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            raise BadRequest("This form was sent from another site.")

    @app.after_request
    def _headers(response: Response) -> Response:
        _protect(response.headers, policy, secure=secure)
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response


def _protect(headers: Headers, policy: str, *, secure: bool) -> None:
    is_file = headers.get("Content-Disposition", "").startswith("attachment")
    headers.setdefault("Content-Security-Policy", _FILE_POLICY if is_file else policy)
    headers.setdefault("Reporting-Endpoints", f'policy="{REPORTS}"')
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
    if secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


def _content_policy(settings: Settings) -> str:
    checkouts = " ".join(_CHECKOUT_HOSTS)
    if settings.test_mode:
        parts = urlsplit(settings.stripe_api_base)
        checkouts += f" {parts.scheme}://{parts.netloc}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
        f" connect-src 'self'; form-action 'self' {checkouts}; object-src 'none'; base-uri 'none';"
        f" frame-ancestors 'none'; manifest-src 'self'; report-uri {REPORTS}; report-to policy"
    )
