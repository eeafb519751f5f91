"""Signing in with a passkey: nothing to type, and both factors at once."""

import structlog
from flask import Response as JsonResponse
from flask import redirect, request
from werkzeug.wrappers import Response
from wtforms import HiddenField

from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.organizations import passkeys
from webapp.domain.organizations.sessions import Method
from webapp.web import auth, challenges, limits
from webapp.web.forms import Form
from webapp.web.htmx import see_other
from webapp.web.places import after_sign_in
from webapp.web.public import public

log = structlog.get_logger()


class AnswerForm(Form):
    answer = HiddenField()
    next = HiddenField()


@public.post("/passkey-challenges/")
def create_passkey_challenge() -> JsonResponse:
    limits.count_challenge()
    with transaction():
        asked = passkeys.ask_who(wiring.passkey_site())
    return challenges.hand_out(challenges.WHO, *asked)


@public.post("/passkey-sessions/")
def create_passkey_session() -> Response:
    form = AnswerForm()
    with transaction():
        login = passkeys.recognize(
            challenges.spent(challenges.WHO), form.answer.data or "", wiring.passkey_site()
        )
        if login is not None:
            auth.sign_in(login, [Method.PASSKEY])
    if login is None:
        log.warning("passkey_refused", address=request.remote_addr)
        notice = "That passkey does not work here. Sign in with your password."
        return see_other("public.sign_in", next=auth.own_path(form.next.data), notice=notice, tone="warn")
    return redirect(after_sign_in(login, form.next.data), 303)
