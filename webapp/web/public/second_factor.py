"""The second step of signing in, for whoever gave the right password and has one."""

import structlog
from flask import flash, redirect, render_template, request
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Length

from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.organizations import LoginSession, recovery_codes, second_factor
from webapp.domain.organizations.sessions import Method
from webapp.web import auth, limits
from webapp.web.forms import Form
from webapp.web.htmx import see_other
from webapp.web.places import after_sign_in
from webapp.web.public import public

log = structlog.get_logger()


class CodeForm(Form):
    code = StringField("Code", [InputRequired("Enter the code."), Length(max=40)])
    next = HiddenField()


@public.get("/second-factor", endpoint="second_factor")
def show() -> Response | str:
    waiting = auth.waiting_session()
    if waiting is None:
        return see_other("public.sign_in")
    return _page(waiting, CodeForm(formdata=None, next=auth.own_path(request.args.get("next")) or ""))


@public.post("/second-factor")
def show_second_factor() -> Response | str | tuple[str, int]:
    waiting = auth.waiting_session()
    if waiting is None:
        return see_other("public.sign_in", notice="That took too long. Please start again.", tone="calm")
    form, login = CodeForm(), waiting.login
    if not form.validate():
        return _page(waiting, form), 422
    limits.count_code(str(login.id))
    with transaction():
        method = second_factor.prove(login, form.code.data, wiring.key_ring())
        if method is not None:
            auth.sign_in(login, [*waiting.methods, method])
    if method is None:
        log.warning("second_factor_refused", login_id=str(login.id), address=request.remote_addr)
        form.form_errors.append("That is not a code that works now. Wait for the next one.")
        return _page(waiting, form), 422
    limits.forget_codes(str(login.id))
    if method is Method.RECOVERY_CODE:
        flash(
            f"You have {recovery_codes.left(login)} recovery codes left. Make new ones on your account page.",
            "warn",
        )
    return redirect(after_sign_in(login, form.next.data), 303)


def _page(waiting: LoginSession, form: CodeForm) -> str:
    factor = second_factor.of(waiting.login)
    return render_template("public/second_factor.html", form=form, factor=factor, login=waiting.login)
