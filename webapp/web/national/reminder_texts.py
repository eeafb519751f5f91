"""Writing what a step of the reminders says: seen at once on a real invoice, and mailed to oneself."""

from typing import Any
from uuid import uuid4

from flask import render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import StringField, TextAreaField

from webapp import wiring
from webapp.core.db import transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.notifications import reminder_tests, reminder_texts
from webapp.domain.notifications.reminder_texts import Wording
from webapp.domain.organizations import languages
from webapp.web.edits import EditForm
from webapp.web.gates import current_organization
from webapp.web.htmx import is_swap, see_other
from webapp.web.national import national
from webapp.web.reminders import Shown, shown
from webapp.web.request_keys import acts_once

_TEXT = "/reminders/steps/<int(signed=True):days>/text"


class TextForm(EditForm):
    subject = StringField("Subject")
    text = TextAreaField("Text", description="An empty line begins a new paragraph.")
    button = StringField("Button", description="What the button to the page to pay says.")

    @property
    def said(self) -> Wording:
        text = (self.text.data or "").replace("\r\n", "\n").strip()
        return Wording((self.subject.data or "").strip(), text, (self.button.data or "").strip())


@national.get(_TEXT)
def reminder_text(days: int) -> str:
    language = _language(days)
    return _page(days, language, _stored(days, language).shown())


@national.post(_TEXT)
@acts_once
def write_reminder_text(days: int) -> Response | tuple[str, int]:
    form, language = TextForm(), _language(days)
    try:
        with transaction():
            form.refuse_unseen_changes(_stored(days, language), _subject(days, language))
            reminder_texts.write(days, language, form.said, by=current_user)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(days, language, form), refusal.status
    return see_other("national.reminder_steps", notice="The text is saved. Reminders say it from now on.")


@national.post(_TEXT + "/preview")
def preview_reminder_text(days: int) -> tuple[str, int]:
    """Also while it is being written; then the part that shows the mail alone."""
    form, language = TextForm(), _language(days)
    seen = _seen(days, language, form)
    if is_swap():
        return render_template("national/reminder_texts/_preview.html", seen=seen, form=form), 200
    return _page(days, language, form, seen), 422 if form.errors else 200


@national.post(_TEXT + "/test-mail")
@acts_once
def mail_reminder_text(days: int) -> tuple[str, int]:
    """To whoever asks, as it is typed; nothing is saved."""
    form, language = TextForm(), _language(days)
    try:
        with transaction():
            reminder_tests.promise(
                current_organization, days, language, form.said, to=current_user, links=wiring.links()
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(days, language, form), 422
    form.form_key.data = uuid4().hex
    return _page(days, language, form, mailed_to=current_user.email), 200


@national.post(_TEXT + "/removal")
@acts_once
def forget_reminder_text(days: int) -> Response:
    with transaction():
        reminder_texts.forget(days, _language(days), by=current_user)
    return see_other("national.reminder_steps", notice="The usual words stand again.")


def _language(days: int) -> str:
    """That of the address; another step or language than those on offer is not found."""
    asked = request.args.get("language", languages.own(current_organization))
    if days not in DuesSettings.of(current_organization).reminder_days:
        raise NotFound
    if asked not in languages.offered(current_organization):
        raise NotFound
    return asked


def _subject(days: int, language: str) -> Any:
    """What the audit trail knows of it."""
    return reminder_texts.written().get((days, language)) or DuesSettings.of(current_organization)


def _stored(days: int, language: str) -> TextForm:
    own = reminder_texts.written().get((days, language))
    return TextForm(formdata=None, obj=own.wording if own else reminder_texts.standard(days))


def _seen(days: int, language: str, form: TextForm) -> Shown | None:
    """The mail as it would read; None when nothing is owed, or when the form says why it can't be mailed."""
    try:
        form.said.refuse_impossible()
    except Invalid as refusal:
        form.refuse(refusal)
        return None
    return shown(days, language, form.said)


def _page(
    days: int, language: str, form: TextForm, seen: Shown | None = None, *, mailed_to: str | None = None
) -> str:
    if seen is None and not form.errors:
        seen = _seen(days, language, form)
    return render_template(
        "national/reminder_texts/show.html",
        days=days,
        language=language,
        languages=[(one, languages.name(one, current_organization)) for one in _offered()],
        form=form,
        seen=seen,
        mailed_to=mailed_to,
        is_written=(days, language) in reminder_texts.written(),
        placeholders=reminder_texts.PLACEHOLDERS,
    )


def _offered() -> list[str]:
    return list(languages.offered(current_organization))
