"""Knowing a browser again by a random mark in a cookie that outlives every session, and naming it."""

import secrets
from datetime import timedelta

from flask import after_this_request, current_app, g, request
from werkzeug.wrappers import Response

_LASTS = timedelta(days=365)
_LONGEST_NAME = 300
_BROWSERS = (
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
    ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


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


def named() -> str | None:
    """What the browser or program says it is, as it says it. Anybody can say anything."""
    said = request.user_agent.string
    if not said.isprintable():
        said = "".join(letter for letter in said if letter.isprintable())
    return said[:_LONGEST_NAME] or None


def in_short(said: str) -> str:
    """`Firefox on Windows`; programs by the first word they say."""
    browser = next((name for mark, name in _BROWSERS if mark in said), None)
    if browser is None:
        return said.partition(" ")[0]
    system = next((name for mark, name in _SYSTEMS if mark in said), None)
    return f"{browser} on {system}" if system else browser


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
