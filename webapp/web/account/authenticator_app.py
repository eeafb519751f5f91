"""Setting up an authenticator app: scan the picture, type the first code."""

import segno
from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from webapp import wiring
from webapp.core.db import transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.organizations import AuthenticatorApp, second_factor
from webapp.domain.organizations.sessions import Method
from webapp.web import limits
from webapp.web.account import account
from webapp.web.account.profile import own_login
from webapp.web.account.second_factor import after_adding, count_from_now_on
from webapp.web.confirmation import confirmed_fully
from webapp.web.forms import Form
from webapp.web.htmx import see_other

_READABLE_IN = 4


class CodeForm(Form):
    code = StringField("The six digits it shows", [InputRequired("Enter the code."), Length(max=20)])


@account.post("/second-factor/app/")
@confirmed_fully
def create_authenticator_app() -> Response:
    with transaction():
        AuthenticatorApp.prepare(own_login(), wiring.key_ring())
    return see_other("account.authenticator_app")


@account.get("/second-factor/app/", endpoint="authenticator_app")
def show() -> Response | str:
    app = AuthenticatorApp.of(current_user)
    if app is None or app.confirmed_at is not None:
        return see_other("account.second_factor")
    return _page(app, CodeForm(formdata=None))


@account.post("/second-factor/app/confirmation")
@confirmed_fully
def confirm_authenticator_app() -> Response | str | tuple[str, int]:
    form = CodeForm()
    app = AuthenticatorApp.of(current_user)
    if app is None:
        raise NotFound
    if not form.validate():
        return _page(app, form), 422
    limits.count_code(str(current_user.id))
    try:
        with transaction():
            login = own_login()
            second_factor.confirm_app(login, form.code.data, wiring.key_ring())
            codes = count_from_now_on(login, Method.APP_CODE)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(app, form), 422
    limits.forget_codes(str(current_user.id))
    return after_adding(codes, "Your app is set up.")


@account.post("/second-factor/app/removal")
@confirmed_fully
def remove_authenticator_app() -> Response:
    with transaction():
        second_factor.remove_app(own_login())
    return see_other("account.second_factor", notice="The app is removed. Delete the entry in it as well.")


def _page(app: AuthenticatorApp, form: CodeForm) -> str:
    secret, address = app.reveal(wiring.key_ring()), app.address(current_user, wiring.key_ring())
    return render_template(
        "account/second_factor/app.html",
        form=form,
        address=address,
        matrix=segno.make(address, error="m").matrix,
        secret=" ".join(secret[i : i + _READABLE_IN] for i in range(0, len(secret), _READABLE_IN)),
    )
