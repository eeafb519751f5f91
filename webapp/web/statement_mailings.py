"""Statements of some days to many members: who gets one. From there on it is a bulk action like any other."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import DateField, RadioField, SelectMultipleField
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.bulk_actions import statement_readers
from webapp.domain.bulk_actions.statement_readers import Readers, Wanted
from webapp.domain.organizations import Chapter
from webapp.web import books
from webapp.web.forms import Form, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other


class MailingForm(Form):
    since = DateField("First day", [InputRequired("Enter the first day.")])
    until = DateField("Last day", [InputRequired("Enter the last day.")])
    readers = RadioField(
        "Who gets one",
        choices=offered((one.value, one.label) for one in Readers),
        default=Readers.OWING.value,
    )
    chapters = SelectMultipleField(
        "Of which", widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )

    def __init__(self, chapters: Sequence[Chapter] = (), **options: object) -> None:
        super().__init__(**options)
        self.chapters.choices = offered((str(one.id), one.name) for one in chapters)

    @property
    def wanted(self) -> Wanted:
        chapter_ids = [UUID(one) for one in self.chapters.data or ()]
        return Wanted(self.since.data, self.until.data, Readers(self.readers.data), chapter_ids)


def new(persona: str, chapters: Sequence[Chapter] = ()) -> Response:
    """The days of the statement it was reached from."""
    today = current_organization.today
    until = min(books.day("until") or today, today)
    since = min(books.day("since") or date(until.year, 1, 1), until)
    return _page(persona, MailingForm(chapters, formdata=None, since=since, until=until))


def create(persona: str, chapters: Sequence[Chapter] = (), *, chapter_id: UUID | None = None) -> Response:
    form = MailingForm(chapters)
    if not form.validate():
        return _page(persona, form, 422)
    try:
        with transaction():
            action = statement_readers.choose(
                form.wanted, current_organization, chapter_id=chapter_id, by=current_user
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(persona, form, refusal.status)
    return see_other(f"{persona}.bulk_action", action_id=action.id)


def _page(persona: str, form: MailingForm, status: int = 200) -> Response:
    page = "shared/statement_mailings/new.html"
    return respond(page, "shared/statement_mailings/_form.html", status=status, persona=persona, form=form)
