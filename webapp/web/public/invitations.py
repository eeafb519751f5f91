"""Accepting an invitation. Opening the link changes nothing: mail programs look ahead."""

from flask import redirect, render_template
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import Length

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.organizations import Login, invitations
from webapp.domain.organizations.passwords import LONGEST
from webapp.domain.organizations.sessions import Method
from webapp.web import auth, limits
from webapp.web.forms import Form
from webapp.web.places import after_sign_in
from webapp.web.public import visitors


class NewLoginForm(Form):
    name = StringField("Your name", [Length(max=120)])
    password = PasswordField("Password", [Length(max=LONGEST)])

    def validate_for(self, login: Login | None) -> bool:
        """A known login needs no name; a person who is signed in already needs neither."""
        valid = bool(self.validate())
        if _is_new(login) and not self.name.data:
            self.name.errors = [*self.name.errors, "Enter your name."]
            valid = False
        if not _is_signed_in(login) and not self.password.data:
            self.password.errors = [*self.password.errors, "Enter a password."]
            valid = False
        return valid


@visitors.get("/invitations/<token>")
def invitation(token: str) -> Response | str:
    return _page(token, NewLoginForm(formdata=None))


@visitors.post("/invitations/<token>")
def accept_invitation(token: str) -> Response | str | tuple[str, int]:
    invited = invitations.find(token)
    limits.count_attempt(invited.email)
    form = NewLoginForm()
    if not form.validate_for(Login.by_email(invited.email)):
        return _page(token, form), 422
    try:
        with transaction():
            login = invitations.accept(
                token, name=form.name.data or "", password=form.password.data or "", signed_in=_signed_in()
            )
            enough = auth.sign_in(login, _methods(login))
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(token, form), 422
    return redirect(after_sign_in(login, None, enough=enough), 303)


def _page(token: str, form: NewLoginForm) -> str:
    invited = invitations.find(token)
    login = Login.by_email(invited.email)
    return render_template(
        "public/invitation.html",
        form=form,
        token=token,
        invited=invited,
        is_new=_is_new(login),
        is_signed_in=_is_signed_in(login),
    )


def _methods(login: Login) -> list[Method]:
    """The password they just gave, or whatever this browser was signed in with."""
    here = auth.current_session()
    return here.methods if here is not None and here.login_id == login.id else [Method.MEMORIZED]


def _is_new(login: Login | None) -> bool:
    return login is None or login.password_hash is None


def _is_signed_in(login: Login | None) -> bool:
    here = _signed_in()
    return login is not None and not _is_new(login) and here is not None and here.id == login.id


def _signed_in() -> Login | None:
    found = auth.current_session()
    return found.login if found else None
