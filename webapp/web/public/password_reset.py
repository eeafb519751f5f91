"""A forgotten password. Asking for a link gives the same answer for every address."""

from flask import render_template
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from webapp import wiring
from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.organizations import password_reset
from webapp.domain.organizations.passwords import LONGEST
from webapp.web import auth, limits
from webapp.web.forms import Form
from webapp.web.htmx import see_other
from webapp.web.public import public


class AskForm(Form):
    email = StringField("Email address", [InputRequired("Enter your email address."), Length(max=254)])


class NewPasswordForm(Form):
    password = PasswordField("New password", [InputRequired("Enter a new password."), Length(max=LONGEST)])


@public.get("/password-reset")
def ask_password_reset() -> str:
    return render_template("public/ask_password_reset.html", form=AskForm(formdata=None), asked=False)


@public.post("/password-reset")
def create_password_reset() -> str | tuple[str, int]:
    form = AskForm()
    if not form.validate():
        return render_template("public/ask_password_reset.html", form=form, asked=False), 422
    limits.count_mail(form.email.data)
    with transaction():
        password_reset.ask(form.email.data)
    return render_template("public/ask_password_reset.html", form=form, asked=True)


@public.get("/password-reset/<token>")
def forgotten_password(token: str) -> str:
    return _page(token, NewPasswordForm(formdata=None))


@public.post("/password-reset/<token>")
def change_forgotten_password(token: str) -> Response | tuple[str, int]:
    """The person signs in afterwards: the link proves the mailbox, the sign-in page keeps its own rules."""
    form = NewPasswordForm()
    if form.validate():
        try:
            with transaction():
                login = password_reset.read(token, wiring.settings().secret_key, lock=True)
                password_reset.change(login, form.password.data)
                auth.forget_browser()
            return see_other("public.sign_in", notice="Your password is changed. Sign in with the new one.")
        except Invalid as refusal:
            form.refuse(refusal)
    return _page(token, form), 422


def _page(token: str, form: NewPasswordForm) -> str:
    login = password_reset.read(token, wiring.settings().secret_key)
    return render_template("public/password_reset.html", form=form, token=token, login=login)
