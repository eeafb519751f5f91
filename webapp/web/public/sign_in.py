"""Signing in and out. The answer to a wrong address and to a wrong password is the same."""

from uuid import UUID

import structlog
from flask import abort, redirect, render_template, request
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import contains_eager, joinedload
from werkzeug.wrappers import Response
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.organizations import Login, Organization, Role
from webapp.domain.organizations.login import recognize
from webapp.domain.organizations.passwords import LONGEST
from webapp.domain.organizations.sessions import Method
from webapp.web import auth, limits
from webapp.web.forms import Form
from webapp.web.htmx import see_other
from webapp.web.places import after_sign_in
from webapp.web.public import public

log = structlog.get_logger()


class SignInForm(Form):
    email = StringField("Email address", [InputRequired("Enter your email address."), Length(max=254)])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=LONGEST)])
    next = HiddenField()


@public.get("/")
def sign_in() -> str | Response:
    wanted = auth.own_path(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(after_sign_in(current_user, wanted), 303)
    return _page(SignInForm(formdata=None, next=wanted or ""))


@public.post("/")
def create_session() -> str | Response | tuple[str, int]:
    form = SignInForm()
    if not form.validate():
        return _page(form), 422
    limits.count_attempt(form.email.data)
    enough = True
    with transaction():
        login = recognize(form.email.data, form.password.data)
        if login is not None:
            enough = auth.sign_in(login, [Method.MEMORIZED])
    if login is None:
        log.warning("sign_in_refused", address=request.remote_addr)
        form.form_errors.append("The email address or the password is not right.")
        return _page(form), 422
    limits.forget_attempts(form.email.data)
    return redirect(after_sign_in(login, form.next.data, enough=enough), 303)


@public.post("/demo-sessions/<uuid:login_id>")
def create_demo_session(login_id: UUID) -> Response:
    """In the demo everybody may be anybody, with one click and without a password."""
    chosen = next((role.login for role in _demo_roles() if role.login_id == login_id), None)
    if chosen is None:
        abort(404)
    with transaction():
        auth.sign_in(chosen, [Method.DEMO])
    return redirect(after_sign_in(chosen, None), 303)


@public.post("/sign-out")
def sign_out() -> Response:
    with transaction():
        auth.forget_browser()
    answer = see_other("public.sign_in", notice="You are signed out.")
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


def _page(form: SignInForm) -> str:
    return render_template("public/sign_in.html", form=form, demo_roles=_demo_roles())


def _demo_roles() -> list[Role]:
    """One login per role of each demo organization; none outside of the demo."""
    found: list[Role] = []
    if not wiring.settings().is_demo:
        return found
    for organization in db.session.scalars(select(Organization).where(Organization.is_demo)).all():
        with tenancy.acting_for(organization.id):
            one_each = (
                Role.here()
                .select(Login.email.is_not(None))
                .join(Role.login)
                .options(contains_eager(Role.login), joinedload(Role.chapter), joinedload(Role.member))
                .ext(distinct_on(Role.role))
                .order_by(Role.role, Role.id)
            )
            found += db.session.scalars(one_each).all()
    return found
