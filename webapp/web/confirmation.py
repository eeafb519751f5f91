"""“Confirm it's you”: what matters most asks again who is in front of the browser, after fifteen minutes.

One of the things somebody signs in with is enough, except for changing those things: that asks for all of
them. What was typed is not lost: it travels, sealed, through the page that asks, and the view gets it then.
"""

import json
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import structlog
from flask import g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.wrappers import Response
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import Length

from webapp import wiring
from webapp.core.crypto import Place, SecretUnreadable
from webapp.core.db import transaction
from webapp.core.errors import Conflict
from webapp.domain.organizations import LoginSession, passkeys, second_factor
from webapp.domain.organizations.passwords import LONGEST
from webapp.domain.organizations.sessions import Method
from webapp.web import auth, challenges, limits
from webapp.web.forms import Form

log = structlog.get_logger()
P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]


class ConfirmationForm(Form):
    """`carried` is the sealed form that waits for the confirmation."""

    carried = HiddenField()
    password = PasswordField("Password", [Length(max=LONGEST)])
    code = StringField("Code", [Length(max=40)])
    answer = HiddenField()


def confirmed(view: View[P]) -> View[P]:
    """For views that act for whoever is surely still the person who signed in. Outside of `acts_once`."""
    return _asking_first(view, lambda session: session.is_fresh, fully=False)


def confirmed_fully(view: View[P]) -> View[P]:
    """For views that change how somebody signs in."""
    return _asking_first(view, lambda session: session.is_fully_fresh, fully=True)


def confirmed_besides_password(view: View[P]) -> View[P]:
    """The same, for a form that asks for the password itself: to whoever has nothing else that is all."""
    return _asking_first(
        view, lambda session: session.is_fully_fresh or not second_factor.of(current_user), fully=True
    )


def _asking_first(view: View[P], is_enough: Callable[[LoginSession], bool], *, fully: bool) -> View[P]:
    @wraps(view)
    def asked_first(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        session = auth.current_session()
        if session is None or is_enough(session):
            return view(*args, **kwargs)
        if "carried" not in request.form:
            return _page(ConfirmationForm(formdata=None, carried=_seal()), fully=fully)
        form = ConfirmationForm()
        if not _is_confirmed(form, fully=fully):
            return _page(form, fully=fully)
        request.form = _unseal(form.carried.data)
        return view(*args, **kwargs)

    return asked_first


def _is_confirmed(form: ConfirmationForm, *, fully: bool) -> bool:
    if not form.validate():
        return False
    with transaction():
        shown = _shown(form, fully=fully)
        everything = second_factor.is_everything(current_user, shown)
        is_enough = everything if fully else bool(shown)
        if is_enough:
            auth.confirm(*shown, fully=everything)
    if not is_enough:
        log.warning("confirmation_refused", login_id=str(current_user.id), address=request.remote_addr)
        form.form_errors.append("That did not match. Please try again.")
    return is_enough


def _shown(form: ConfirmationForm, *, fully: bool) -> set[Method]:
    """Whoever found an open browser has none of it. No code is spent beside a wrong password."""
    if form.answer.data:
        limits.count_challenge()
        found = passkeys.recognize(challenges.spent(challenges.WHO), form.answer.data, wiring.passkey_site())
        return {Method.PASSKEY} if found is not None and found.id == current_user.id else set()
    shown = set()
    if fully or not form.code.data:
        limits.count_attempt(current_user.email)
        if not current_user.has_password(form.password.data or ""):
            return set()
        shown.add(Method.MEMORIZED)
    if form.code.data:
        limits.count_code(str(current_user.id))
        method = second_factor.prove(current_user, form.code.data, wiring.key_ring())
        shown |= {method} if method is not None else set()
    return shown


def _seal() -> str:
    pairs = [pair for pair in request.form.items(multi=True) if pair[0] != "csrf_token"]
    return wiring.key_ring().encrypt(json.dumps(pairs), _place())


def _unseal(carried: str) -> ImmutableMultiDict[str, str]:
    try:
        pairs = json.loads(wiring.key_ring().decrypt(carried, _place()))
    except SecretUnreadable as error:
        raise Conflict("What you typed got lost on the way.", next_step="Please enter it again.") from error
    return ImmutableMultiDict([(str(name), str(value)) for name, value in pairs])


def _place() -> Place:
    """Good for this person's session and this address alone."""
    return Place(None, "login_sessions", request.path, g.login_session.id)


def _page(form: ConfirmationForm, *, fully: bool) -> Response:
    factor = second_factor.of(current_user)
    page = render_template("account/confirmation.html", form=form, factor=factor, both=fully and bool(factor))
    return make_response(page, 403)
