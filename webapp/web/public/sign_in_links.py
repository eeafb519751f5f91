"""Signing in by a mailed link. Opening it changes nothing: mail programs look ahead. Its button does."""

from flask import redirect, render_template
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from webapp import wiring
from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.organizations import sign_in_links
from webapp.domain.organizations.sessions import Method
from webapp.web import auth, browsers, limits
from webapp.web.forms import Form
from webapp.web.places import after_sign_in
from webapp.web.public import public


class AskForm(Form):
    email = StringField("Email address", [InputRequired("Enter your email address."), Length(max=254)])


class UseForm(Form):
    """The address is asked of a browser that did not ask for the link."""

    email = StringField("Email address", [Length(max=254)])


@public.get("/sign-in-links/")
def ask_sign_in_link() -> str:
    return render_template("public/ask_sign_in_link.html", form=AskForm(formdata=None), asked=False)


@public.post("/sign-in-links/")
def create_sign_in_link() -> str | tuple[str, int]:
    form = AskForm()
    if not form.validate():
        return render_template("public/ask_sign_in_link.html", form=form, asked=False), 422
    limits.count_mail(form.email.data)
    with transaction():
        sign_in_links.ask(form.email.data, browsers.mark(), wiring.settings().secret_key)
    return render_template("public/ask_sign_in_link.html", form=form, asked=True)


@public.get("/sign-in-links/<token>")
def sign_in_link(token: str) -> str:
    return _page(token, UseForm(formdata=None))


@public.post("/sign-in-links/<token>")
def use_sign_in_link(token: str) -> Response | tuple[str, int]:
    form = UseForm()
    limits.count_attempt(token)
    try:
        with transaction():
            login = sign_in_links.use(token, browser=browsers.known_mark(), email=form.email.data or "")
            enough = auth.sign_in(login, [Method.MAILED_LINK])
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(token, form), 422
    return redirect(after_sign_in(login, None, enough=enough), 303)


def _page(token: str, form: UseForm) -> str:
    link, _ = sign_in_links.find(token)
    is_mine = link.is_of(browsers.known_mark())
    return render_template("public/sign_in_link.html", form=form, token=token, is_mine=is_mine)
