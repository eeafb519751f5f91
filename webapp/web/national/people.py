"""Who may do what in the organization: roles, and invitations to them."""

from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from webapp import wiring
from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.approvals import lapse_of
from webapp.domain.organizations import (
    Chapter,
    Invitation,
    Login,
    Role,
    RoleName,
    invitations,
    people,
    roles,
)
from webapp.web.confirmation import confirmed
from webapp.web.forms import Form, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv
from webapp.web.national import national
from webapp.web.request_keys import acts_once

STAFF = [(role.value, role.label.capitalize()) for role in RoleName if role is not RoleName.MEMBER]
_HEADER = ("name", "email", "role", "chapter", "member", "since")


class InvitationForm(Form):
    email = StringField("Email address", [InputRequired("Enter an email address."), Length(max=254)])
    role = SelectField("Role", [InputRequired("Choose a role.")], choices=offered([("", "Choose"), *STAFF]))
    chapter = SelectField("Chapter, for a treasurer", coerce=str)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.chapter.label.text = f"{current_organization.vocabulary.chapter}, for a treasurer"
        self.chapter.choices = offered([("", "None"), *chapter_choices()])


def chapter_choices() -> list[tuple[str, str]]:
    chapters = Chapter.here().all(Chapter.active.is_(True), order_by=Chapter.name)
    return [(str(chapter.id), chapter.name) for chapter in chapters]


@national.get("/people/", endpoint="people")
def index() -> Response:
    wanted = _wanted()
    if wants_csv():
        return stream_rows("people.csv", _HEADER, people.holders(wanted), _as_row)
    after = request.args.get("after", type=UUID)
    rows, last = page_of(people.page(wanted, after=after, size=PAGE + 1))
    return respond(
        "national/people/index.html",
        "national/people/_list.html",
        rows=rows,
        after=last.id if last else None,
        invitations=people.open_invitations(wanted.role),
        staff=[*STAFF, (RoleName.MEMBER.value, current_organization.vocabulary.member)],
        chapters=chapter_choices(),
    )


@national.get("/people/invitation")
def new_invitation() -> str:
    return _invitation_page(InvitationForm(formdata=None))


@national.post("/people/invitations/")
@confirmed
@acts_once
def create_invitation() -> Response | tuple[str, int]:
    form = InvitationForm()
    if not form.validate():
        return _invitation_page(form), 422
    try:
        with transaction():
            invitations.invite(
                form.email.data,
                RoleName(form.role.data),
                chapter=Chapter.here().get(UUID(form.chapter.data)) if form.chapter.data else None,
                by=current_user,
                secret=wiring.settings().secret_key,
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _invitation_page(form), 422
    return see_other("national.people", notice=f"An invitation to {form.email.data} is on its way.")


@national.post("/people/invitations/<uuid:invitation_id>/mailing")
@confirmed
def mail_invitation(invitation_id: UUID) -> Response:
    with transaction():
        invitation = Invitation.here().get(invitation_id, lock=True)
        invitation.send_again(by=current_user)
    return see_other("national.people", notice=f"The invitation to {invitation.email} is sent again.")


@national.post("/people/invitations/<uuid:invitation_id>/withdrawal")
@confirmed
def withdraw_invitation(invitation_id: UUID) -> Response:
    with transaction():
        invitation = Invitation.here().get(invitation_id, lock=True)
        invitation.withdraw(by=current_user)
    return see_other("national.people", notice=f"The invitation to {invitation.email} is withdrawn.")


@national.get("/people/roles/<uuid:role_id>/removal")
def confirm_role_removal(role_id: UUID) -> str:
    return render_template("national/people/removal.html", role=people.held(role_id))


@national.post("/people/roles/<uuid:role_id>/removal")
@confirmed
def remove_role(role_id: UUID) -> Response:
    with transaction() as session:
        role = Role.here().get(role_id, lock=True)
        asker = session.get_one(Login, role.login_id)
        roles.remove(role, by=current_user)
        lapse_of(asker, by=current_user, tell=wiring.DENIALS, on=current_organization.today)
    return see_other("national.people", notice="The role is removed, and the person is signed out.")


def _wanted() -> people.Search:
    role = request.args.get("role", "")
    return people.Search(
        text=request.args.get("q", "").strip(),
        role=RoleName(role) if role in set(RoleName) else None,
        chapter_id=request.args.get("chapter", type=UUID),
    )


def _as_row(role: Role) -> tuple[Any, ...]:
    chapter = role.chapter.name if role.chapter else ""
    member = role.member.number if role.member else ""
    since = role.created_at.date().isoformat()
    return role.login.name, role.login.email, role.role.label, chapter, member, since


def _invitation_page(form: InvitationForm) -> str:
    return render_template("national/people/invitation.html", form=form)
