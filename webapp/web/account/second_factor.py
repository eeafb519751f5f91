"""The second step of signing in: what there is, and the recovery codes that go with it."""

from flask import g, render_template
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.core.errors import Conflict
from webapp.domain.organizations import Login, recovery_codes, roles, second_factor, sessions
from webapp.domain.organizations.sessions import Method
from webapp.web import auth
from webapp.web.account import account
from webapp.web.account.profile import own_login
from webapp.web.confirmation import confirmed_fully
from webapp.web.forms import Form
from webapp.web.htmx import see_other
from webapp.web.places import after_sign_in


class FirstFactorNeeded(Conflict):
    message = "Recovery codes stand in for a passkey or an app, and you have neither."
    next_step = "Set up one of them first."


@account.get("/second-factor/", endpoint="second_factor")
def index() -> str:
    return page()


@account.post("/second-factor/recovery-codes/")
@confirmed_fully
def create_recovery_codes() -> str:
    with transaction():
        login = own_login()
        if not second_factor.of(login):
            raise FirstFactorNeeded
        codes = recovery_codes.make(login)
        roles.record_everywhere("recovery_codes_made", login, by=login)
    return codes_page(codes)


def count_from_now_on(login: Login, method: Method) -> list[str]:
    """This session has shown the new factor. The first one brings recovery codes and ends other sessions."""
    auth.confirm(method)
    if recovery_codes.left(login):
        return []
    sessions.end_all(login, but=g.login_session.id)
    return recovery_codes.make(login)


def after_adding(codes: list[str], notice: str) -> Response | str:
    """Codes are shown now or never."""
    return codes_page(codes) if codes else see_other("account.second_factor", notice=notice)


def codes_page(codes: list[str]) -> str:
    going_to = after_sign_in(current_user, auth.wanted())
    return render_template("account/second_factor/codes.html", codes=codes, going_to=going_to)


def page(form: Form | None = None) -> str:
    return render_template(
        "account/second_factor/index.html",
        form=form,
        factor=second_factor.of(current_user),
        needed=roles.is_national_admin(current_user),
        session=auth.current_session(),
    )
