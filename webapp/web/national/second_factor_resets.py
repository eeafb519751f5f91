"""A person lost the telephone or key they sign in with: another national admin lets them start afresh."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from webapp.core.db import db, transaction
from webapp.core.errors import NotFound
from webapp.domain.organizations import Login, Role, second_factor
from webapp.web.confirmation import confirmed_fully
from webapp.web.forms import ReasonForm
from webapp.web.htmx import see_other
from webapp.web.national import national


@national.get("/people/<uuid:login_id>/second-factor-reset")
def new_second_factor_reset(login_id: UUID) -> str:
    return _page(_person(login_id), ReasonForm(formdata=None))


@national.post("/people/<uuid:login_id>/second-factor-reset")
@confirmed_fully
def reset_second_factor(login_id: UUID) -> Response | tuple[str, int]:
    form, person = ReasonForm(), _person(login_id)
    if not form.validate():
        return _page(person, form), 422
    with transaction():
        second_factor.reset(_person(login_id), by=current_user, reason=form.reason.data)
    return see_other("national.people", notice=f"{person.name} signs in with the password and starts afresh.")


def _person(login_id: UUID) -> Login:
    """Somebody with a role here."""
    held = Role.here().select(Role.login_id == login_id).options(joinedload(Role.login)).limit(1)
    role = db.session.scalars(held).first()
    if role is None:
        raise NotFound
    return role.login


def _page(person: Login, form: ReasonForm) -> str:
    return render_template(
        "national/people/second_factor_reset.html",
        person=person,
        form=form,
        factor=second_factor.of(person),
        obstacle=second_factor.why_no_reset(person, by=current_user),
    )
