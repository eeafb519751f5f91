"""The account page: name, password, how and where this login is signed in, and what it may do where."""

from flask import g, render_template
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import BooleanField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.organizations import Login, password_reset, second_factor, sessions
from webapp.domain.organizations.passwords import LONGEST
from webapp.domain.organizations.sessions import Method
from webapp.web import auth, limits
from webapp.web.account import account
from webapp.web.confirmation import confirmed_besides_password
from webapp.web.forms import Form
from webapp.web.htmx import see_other
from webapp.web.places import places_of


class ProfileForm(Form):
    name = StringField("Name", [InputRequired("Enter your name."), Length(max=120)])
    shortcuts = BooleanField("Keyboard shortcuts", description="Single keys such as / and j act on lists.")


class PasswordForm(Form):
    current = PasswordField("Current password", [InputRequired("Enter it once more."), Length(max=LONGEST)])
    password = PasswordField("New password", [InputRequired("Enter a new password."), Length(max=LONGEST)])


@account.get("/")
def show() -> str:
    return _page()


@account.get("/places/")
def places() -> str:
    return render_template("account/places.html", places=places_of(current_user, g.organizations))


@account.post("/profile")
def change_profile() -> Response | tuple[str, int]:
    form = ProfileForm()
    if not form.validate():
        return _page(profile=form), 422
    with transaction():
        current_user.name = form.name.data.strip()
        current_user.shortcuts = form.shortcuts.data
    return see_other("account.show", notice="Saved.")


@account.post("/password")
@confirmed_besides_password
def change_password() -> Response | tuple[str, int]:
    form = PasswordForm()
    if not form.validate():
        return _page(password=form), 422
    limits.count_attempt(current_user.email)
    try:
        with transaction():
            _change_password(own_login(), form)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(password=form), 422
    return see_other("account.show", notice="Your password is changed, and other browsers are signed out.")


def own_login() -> Login:
    """Locked, for whatever changes how it signs in."""
    return db.session.get_one(Login, current_user.id, with_for_update=True, populate_existing=True)


def _change_password(login: Login, form: PasswordForm) -> None:
    if not login.has_password(form.current.data):
        raise Invalid("Wrong password.", fields={"current": "This is not your password."})
    password_reset.change(login, form.password.data, but=g.login_session.id)
    shown = {Method.MEMORIZED}
    auth.confirm(*shown, fully=second_factor.is_everything(login, shown))


def _page(profile: ProfileForm | None = None, password: PasswordForm | None = None) -> str:
    return render_template(
        "account/show.html",
        profile=profile or ProfileForm(formdata=None, obj=current_user),
        password=password or PasswordForm(formdata=None),
        form=password or profile,
        places=places_of(current_user, g.organizations),
        factor=second_factor.of(current_user),
        sessions=sessions.open_ones(current_user),
        this_session=auth.current_session(),
        timezone=g.timezone,
    )
