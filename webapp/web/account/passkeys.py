"""Somebody's passkeys: add, rename, remove."""

from uuid import UUID

from flask import Response as JsonResponse
from flask import render_template
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Length

from webapp import wiring
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.organizations import Passkey, passkeys, second_factor
from webapp.domain.organizations.sessions import Method
from webapp.web import challenges, limits
from webapp.web.account import account
from webapp.web.account.profile import own_login
from webapp.web.account.second_factor import after_adding, count_from_now_on
from webapp.web.confirmation import confirmed_fully
from webapp.web.forms import Form
from webapp.web.htmx import see_other


class PasskeyForm(Form):
    name = StringField(
        "Name",
        [InputRequired("Enter a name, such as My telephone."), Length(max=passkeys.LONGEST_NAME)],
        description="So that you know it again, such as My telephone.",
    )
    answer = HiddenField()


@account.get("/second-factor/passkeys/new")
def new_passkey() -> str:
    return _page(PasskeyForm(formdata=None))


@account.post("/second-factor/passkeys/challenges/")
def create_passkey_challenge() -> JsonResponse:
    limits.count_challenge()
    with transaction():
        asked = passkeys.ask_to_add(current_user, wiring.passkey_site())
    return challenges.hand_out(challenges.NEW_PASSKEY, *asked)


@account.post("/second-factor/passkeys/")
@confirmed_fully
def create_passkey() -> Response | str | tuple[str, int]:
    form = PasskeyForm()
    if not form.validate():
        return _page(form), 422
    asked = challenges.spent(challenges.NEW_PASSKEY)
    try:
        with transaction():
            login = own_login()
            added = passkeys.add(login, asked, form.answer.data, form.name.data, wiring.passkey_site())
            codes = []
            if added is not None:
                second_factor.note_passkey(login, added)
                codes = count_from_now_on(login, Method.PASSKEY)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form), 422
    if added is None:
        form.form_errors.append("The passkey was not added. Please try again.")
        return _page(form), 422
    return after_adding(codes, f"“{added.name}” is added.")


@account.get("/second-factor/passkeys/<uuid:passkey_id>/")
def passkey(passkey_id: UUID) -> str:
    found = _own(passkey_id)
    return render_template(
        "account/second_factor/passkey.html", passkey=found, form=PasskeyForm(formdata=None, obj=found)
    )


@account.post("/second-factor/passkeys/<uuid:passkey_id>/name")
def rename_passkey(passkey_id: UUID) -> Response | tuple[str, int]:
    form, found = PasskeyForm(), _own(passkey_id)
    if not form.validate():
        return render_template("account/second_factor/passkey.html", passkey=found, form=form), 422
    with transaction():
        _own(passkey_id).rename(form.name.data)
    return see_other("account.second_factor", notice="Renamed.")


@account.post("/second-factor/passkeys/<uuid:passkey_id>/removal")
@confirmed_fully
def remove_passkey(passkey_id: UUID) -> Response:
    with transaction():
        login, found = own_login(), _own(passkey_id)
        second_factor.remove_passkey(login, found)
    return see_other("account.second_factor", notice=f"“{found.name}” opens nothing here any more.")


def _own(passkey_id: UUID) -> Passkey:
    mine = select(Passkey).where(Passkey.id == passkey_id, Passkey.login_id == current_user.id)
    found = db.session.scalars(mine).first()
    if found is None:
        raise NotFound
    return found


def _page(form: PasskeyForm) -> str:
    return render_template("account/second_factor/new_passkey.html", form=form)
