"""How mail reaches a member: reminders paused, in which language, statements or none; and what could not be
delivered.
"""

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import BooleanField, DateField, SelectField
from wtforms.validators import Optional

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.notifications import outcomes
from webapp.domain.organizations import Member, languages
from webapp.web.edits import EditForm
from webapp.web.forms import offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other


class MailForm(EditForm):
    reminders_paused_until = DateField(
        "No reminders through", [Optional()], description="The last day of the pause. Empty: no pause."
    )
    language = SelectField("Language of reminders")
    statements_by_mail = BooleanField(
        "Statements by mail", description="Statements that go to many are left out where this is not ticked."
    )

    @classmethod
    def of(cls, member: Member) -> "MailForm":
        form = cls(formdata=None, obj=member)
        form.language.data = member.language or ""
        return form

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        here = current_organization
        own = languages.name(languages.own(here), here)
        self.language.choices = offered(
            [("", f"As the organization’s: {own}")]
            + [(one, languages.name(one, here)) for one in languages.offered(here)]
        )


def show(persona: str, member: Member) -> str:
    return _page(persona, member, MailForm.of(member).shown())


def update(persona: str, member: Member) -> Response | tuple[str, int]:
    form = MailForm()
    if not form.validate():
        return _page(persona, member, form), 422
    try:
        with transaction():
            held = Member.here().get(member.id, lock=True)
            form.refuse_unseen_changes(MailForm.of(held), held)
            held.set_mail(
                paused_until=form.reminders_paused_until.data,
                language=form.language.data or None,
                statements=form.statements_by_mail.data,
                by=current_user,
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(persona, member, form), refusal.status
    return see_other(f"{persona}.member", notice=f"Saved for {member.name}.", member_id=member.id)


def _page(persona: str, member: Member, form: MailForm) -> str:
    failed = outcomes.undeliverable([member.id]).get(member.id)
    return render_template("roster/mail.html", persona=persona, member=member, form=form, failed=failed)
