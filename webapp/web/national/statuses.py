"""The statuses a member can have, and which of them are billed."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from sqlalchemy import func, select
from werkzeug.wrappers import Response
from wtforms import BooleanField, StringField
from wtforms.validators import InputRequired, Length

from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.organizations import Member, MemberStatus
from webapp.web import roster
from webapp.web.edits import EditForm
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once


class StatusForm(EditForm):
    label = StringField("Name", [InputRequired("Enter a name."), Length(max=64)], filters=[roster.clean])
    billable = BooleanField("Members in this status are billed", default=True)


@national.get("/statuses/")
def statuses() -> str:
    return _page(StatusForm(formdata=None))


@national.post("/statuses/")
@acts_once
def create_status() -> Response | tuple[str, int]:
    form = StatusForm()
    if not form.validate():
        return _page(form), 422
    try:
        with transaction():
            status = MemberStatus.define(form.label.data, billable=form.billable.data, by=current_user)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form), 422
    return see_other("national.statuses", notice=f"“{status.label}” is a status now.")


@national.get("/statuses/<uuid:status_id>/")
def status(status_id: UUID) -> str:
    found = MemberStatus.here().get(status_id)
    return _edit_page(found, StatusForm(formdata=None, obj=found).shown())


@national.post("/statuses/<uuid:status_id>/")
@acts_once
def update_status(status_id: UUID) -> Response | tuple[str, int]:
    form = StatusForm()
    if not form.validate():
        return _edit_page(MemberStatus.here().get(status_id), form), 422
    try:
        with transaction():
            found = MemberStatus.here().get(status_id, lock=True)
            form.refuse_unseen_changes(StatusForm(formdata=None, obj=found), found)
            found.change(label=form.label.data, billable=form.billable.data, by=current_user)
    except Invalid as refusal:
        form.refuse(refusal)
        return _edit_page(MemberStatus.here().get(status_id), form), refusal.status
    return see_other("national.statuses", notice=f"“{found.label}” is saved.")


@national.post("/statuses/<uuid:status_id>/removal")
def remove_status(status_id: UUID) -> Response:
    with transaction():
        found = MemberStatus.here().get(status_id, lock=True)
        found.remove(by=current_user)
    return see_other("national.statuses", notice=f"“{found.label}” is removed.")


def _edit_page(status: MemberStatus, form: StatusForm) -> str:
    return render_template("national/statuses/show.html", status=status, form=form)


def _page(form: StatusForm) -> str:
    counted = (
        select(Member.status_id, func.count())
        .where(Member.organization_id == tenancy.organization_id())
        .group_by(Member.status_id)
    )
    members = {row[0]: row[1] for row in db.session.execute(counted)}
    return render_template(
        "national/statuses/index.html", form=form, statuses=roster.statuses(), members=members
    )
