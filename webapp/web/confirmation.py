"""“Confirm it's you”: what matters most asks again who is in front of the browser, after fifteen minutes.

What was typed is not lost: it travels, sealed, through the page that asks, and the view gets it afterwards.
"""

import json
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

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
from webapp.domain.organizations import passkeys, second_factor
from webapp.domain.organizations.passwords import LONGEST
from webapp.domain.organizations.sessions import Method
from webapp.web import auth, challenges, limits
from webapp.web.forms import Form

P = ParamSpec("P")


class ConfirmationForm(Form):
    """`carried` is the sealed form that waits for the confirmation."""

    carried = HiddenField()
    password = PasswordField("Password", [Length(max=LONGEST)])
    code = StringField("Code from your app", [Length(max=40)])
    answer = HiddenField()


def confirmed(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """For views that act for whoever is surely still the person who signed in. Outside of `acts_once`."""

    @wraps(view)
    def asked_first(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        session = auth.current_session()
        if session is None or session.is_fresh:
            return view(*args, **kwargs)
        if "carried" not in request.form:
            return _page(ConfirmationForm(formdata=None, carried=_seal()))
        form = ConfirmationForm()
        if not _is_confirmed(form):
            return _page(form)
        request.form = _unseal(form.carried.data)
        return view(*args, **kwargs)

    return asked_first


def _is_confirmed(form: ConfirmationForm) -> bool:
    if not form.validate():
        return False
    with transaction():
        shown = _shown(form)
        if shown is not None:
            auth.confirm(shown)
    if shown is None:
        form.form_errors.append("That did not match. Please try again.")
    return shown is not None


def _shown(form: ConfirmationForm) -> Method | None:
    """One of what this login has is enough: whoever found an open browser has none of it."""
    if form.answer.data:
        limits.count_challenge()
        found = passkeys.recognize(challenges.spent(challenges.WHO), form.answer.data, wiring.passkey_site())
        return Method.PASSKEY if found is not None and found.id == current_user.id else None
    if form.code.data:
        limits.count_code(str(current_user.id))
        return second_factor.prove(current_user, form.code.data, wiring.key_ring())
    limits.count_attempt(current_user.email)
    return Method.MEMORIZED if current_user.has_password(form.password.data or "") else None


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


def _page(form: ConfirmationForm) -> Response:
    factor = second_factor.of(current_user)
    page = render_template("account/confirmation.html", form=form, factor=factor)
    return make_response(page, 403)
