"""Who is asking: the token in the cookie, its session in the database, and the way in and out."""

import hashlib
import re
from collections.abc import Collection
from urllib.parse import unquote, urlsplit

import structlog
from flask import Flask, flash, g, make_response, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask_login import LoginManager
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from werkzeug.wrappers import Request, Response

from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import noting
from webapp.domain.organizations import (
    LoginSession,
    correspondence,
    roles,
    second_factor,
    sessions,
    sign_in_links,
)
from webapp.domain.organizations.arrival import arrive
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.sessions import Method
from webapp.web import browsers, drafts, limits, views_of_lists
from webapp.web.htmx import is_swap

login_manager = LoginManager()
log = structlog.get_logger()
_IN_COOKIE, _WAITING, _WANTED = "token", "waiting", "wanted"
_FOR_MACHINES = ("health", "webhooks")
"""Whoever asks there, it is nobody's browser."""
_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


class _Ageless(TimestampSigner):
    """How old a session may be is in its table. Two machines' clocks differ, and neither decides here."""

    def get_timestamp(self) -> int:
        return 0


class _Cookies(SecureCookieSessionInterface):
    """As Flask seals them, with SHA-256 in the place of SHA-1, and without their age."""

    digest_method = staticmethod(hashlib.sha256)

    def __init__(self, app: Flask) -> None:
        self._sealing = super().get_signing_serializer(app)
        if self._sealing is not None:
            self._sealing.signer = _Ageless

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """The same one for every request."""
        return self._sealing


def init(app: Flask) -> None:
    app.session_interface = _Cookies(app)
    login_manager.init_app(app)
    login_manager.request_loader(_login)
    login_manager.session_protection = None
    limits.init(app)
    app.before_request(_see_who_comes)
    app.after_request(_note_use)


def sign_in(login: Login, methods: Collection[Method]) -> bool:
    """A new session with a new token, in the caller's transaction; what this browser had before is over.

    Whether that was enough: False when the session waits for the second factor, and opens nothing till then.
    """
    wanted = session.get(_WANTED)
    forget_browser()
    enough = second_factor.is_enough(login, methods)
    if enough:
        _tell_of_new_browser(login, methods)
    session[_IN_COOKIE if enough else _WAITING] = sessions.start(
        login,
        roles.session_limits(login) if enough else sessions.WHILE_WAITING,
        methods=methods,
        waiting=not enough,
        address=request.remote_addr,
        browser=request.user_agent.string,
        mark=browsers.mark(),
    )
    if wanted:
        session[_WANTED] = wanted
    log.info("signed_in" if enough else "second_factor_awaited", login_id=str(login.id), methods=[*methods])
    return enough


def _tell_of_new_browser(login: Login, methods: Collection[Method]) -> None:
    """Staff hear of a sign-in from a browser that they never used before."""
    is_staff = not sign_in_links.may_use(login)
    if is_staff and Method.DEMO not in methods and sessions.is_new_browser(login, browsers.mark()):
        correspondence.write_to(login.id, "new_browser")


def confirm(*methods: Method, fully: bool = False) -> None:
    """The person in front of this browser has just shown who they are, in the caller's transaction."""
    session[_IN_COOKIE] = sessions.confirm(g.login_session.id, methods, fully=fully)


def forget_browser() -> None:
    """End this browser's session, in the caller's transaction."""
    tokens = [session.get(_IN_COOKIE), session.get(_WAITING)]
    session.clear()
    for token in tokens:
        if token:
            sessions.end(token)
    g.login_session = None


def waiting_session() -> LoginSession | None:
    """Of somebody who gave the right password and is still to show the second factor."""
    token = session.get(_WAITING)
    return sessions.find_waiting(token) if token else None


def remember_wanted() -> None:
    """Where they were going, for when they are allowed to."""
    if request.method == "GET" and not is_swap():
        session[_WANTED] = request.full_path.rstrip("?")


def wanted() -> str | None:
    return own_path(session.get(_WANTED))


def current_session() -> LoginSession | None:
    found: LoginSession | None = g.get("login_session")
    return found


def ask_to_sign_in() -> Response:
    """To the sign-in page and back to where they were, or to what they had typed; a fragment is never
    replaced by a sign-in form.
    """
    kept = drafts.keep(g.get("run_out"))
    flash(f"Please sign in to go on.{' What you typed is kept.' if kept else ''}", "calm")
    if is_swap():
        response = make_response("", 204)
        response.headers["HX-Redirect"] = url_for("public.sign_in", next=kept or _page_behind_swap())
        return response
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("public.sign_in", next=kept or wanted), 303)


def own_path(target: str | None) -> str | None:
    """`target` when it stays on this site, else None. Nothing is repaired: what looks odd is not followed."""
    if not target or not _OWN_PATH.fullmatch(target):
        return None
    decoded = unquote(target)
    if not decoded.isprintable() or "\\" in decoded or decoded.startswith("//"):
        return None
    return target


def _page_behind_swap() -> str | None:
    page = urlsplit(request.headers.get("HX-Current-URL", ""))
    if page.netloc != request.host:
        return None
    return own_path(page.path + (f"?{page.query}" if page.query else ""))


def _see_who_comes() -> None:
    """And where to: `g.slug` is the organization in the address, `g.chapter_code` the chapter."""
    g.login_session = None
    slug, token = g.get("slug"), session.get(_IN_COOKIE)
    if request.endpoint == "static" or request.blueprint in _FOR_MACHINES or slug is token is None:
        return
    chapter, list_at = g.get("chapter_code", ""), views_of_lists.opened_plainly()
    g.arrival = arrive(slug, token, chapter=chapter, list_at=list_at)
    g.login_session = _usable(g.arrival.session)
    if g.arrival.organization is not None:
        g.organization = g.arrival.organization
    if g.login_session is None:
        g.run_out = session.pop(_IN_COOKIE, None)
        tenancy.enter(tenancy.organization_id_or_none())


def _usable(found: LoginSession | None) -> LoginSession | None:
    """What one click opened in the demo is worth nothing anywhere else."""
    if found is not None and Method.DEMO in found.methods and not wiring.settings().is_demo:
        return None
    return found


def _note_use(response: Response) -> Response:
    """After the answer is made, which it never spoils."""
    used = current_session()
    if used is None or not used.use_is_due or response.status_code >= 500:
        return response
    with noting():
        sessions.saw(used.id)
    return response


def _login(_: Request) -> Login | None:
    found = current_session()
    return found.login if found else None
