"""Knowing a browser again: a random mark in a cookie of its own that outlives every session."""

import secrets
from datetime import timedelta

from flask import after_this_request, current_app, g, request
from werkzeug.wrappers import Response

_LASTS = timedelta(days=365)


def known_mark() -> str | None:
    """The mark this browser brought, if it has one."""
    return request.cookies.get(_name())


def mark() -> str:
    """The mark of this browser, which gets one with this answer when it has none."""
    found: str | None = known_mark() or g.get("browser_mark")
    if found is None:
        found = g.browser_mark = secrets.token_urlsafe(32)
        after_this_request(_give)
    return found


def _give(response: Response) -> Response:
    response.set_cookie(
        _name(),
        g.browser_mark,
        max_age=_LASTS,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response


def _name() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}-browser"
