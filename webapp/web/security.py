"""Headers on every answer, CSRF on every form, and the one host that links and redirects use."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask_wtf import CSRFProtect
from itsdangerous import Signer
from werkzeug.exceptions import BadRequest

from webapp.config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

Header = tuple[str, str]

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
    def _not_kept(response: Response) -> Response:
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response


def protecting(settings: Settings) -> Callable[["StartResponse"], "StartResponse"]:
    """Every answer says it, whoever made it, where it does not say otherwise by itself."""
    shown, saved = ({one[0].lower(): one for one in always} for always in _protection(settings))

    def protected(start_response: "StartResponse") -> "StartResponse":
        def start(status: str, headers: list[Header], *failed: Any) -> Callable[[bytes], object]:
            said = {name.lower(): value for name, value in headers}
            is_file = said.get("content-disposition", "").startswith("attachment")
            always = saved if is_file else shown
            unsaid = [one for name, one in always.items() if name not in said]
            return start_response(status, headers + unsaid, *failed)

        return start

    return protected


def _protection(settings: Settings) -> tuple[list[Header], list[Header]]:
    """What every answer says that does not say otherwise: one that is shown, and one that is saved."""
    always = {
        "Reporting-Endpoints": f'policy="{REPORTS}"',
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    }
    if settings.public_url.startswith("https://"):
        always["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    policies = (_content_policy(settings), _FILE_POLICY)
    shown, saved = ([("Content-Security-Policy", policy), *always.items()] for policy in policies)
    return shown, saved


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
