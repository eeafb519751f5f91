"""Who gets which reminder tomorrow, if nothing changes until then, and what it will say."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import render_template, request
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core import money
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.notifications import reminder_texts, sending
from webapp.domain.notifications import reminders as due_reminders
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.reminder_texts import Wording
from webapp.domain.notifications.reminders import DueReminder
from webapp.domain.organizations import languages
from webapp.web import invoices
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv

_LINK_IN_THE_MAIL = "https://…"
_HEADER = (
    "member_number", "member", "email", "chapter", "invoice", "due_on", "days_after_due", "owed_minor",
    "owed", "currency", "text",
)  # fmt: skip


def index(persona: str, *, chapter_id: UUID | None = None) -> Response:
    organization, tomorrow = current_organization, current_organization.tomorrow
    if wants_csv():
        every = due_reminders.due(organization, tomorrow, chapter_id=chapter_id)
        return stream_csv("reminders.csv", _HEADER, _lines(every))
    after = request.args.get("after", type=UUID)
    found = due_reminders.due(organization, tomorrow, chapter_id=chapter_id, after=after, limit=PAGE + 1)
    rows, last = page_of(found)
    return respond(
        "shared/reminders/index.html",
        "shared/reminders/_list.html",
        persona=persona,
        rows=rows,
        after=last.invoice_id if last else None,
        tomorrow=tomorrow,
        offsets=sorted(DuesSettings.of(current_organization).reminder_days),
        text_of=_text_of(),
    )


@dataclass(frozen=True)
class Shown:
    """A reminder as it would read in the mail, and the invoice it is about."""

    invoice: Invoice
    message: Message
    text: str


def preview(persona: str, invoice: Invoice) -> str:
    """The mail as it would leave tomorrow; without its link, which opens the invoice to whoever reads it."""
    message = reminder_texts.reminder(
        current_organization,
        invoice,
        _LINK_IN_THE_MAIL,
        on=current_organization.tomorrow,
        days=request.args.get("step", type=int),
    )
    return render_template("shared/reminders/preview.html", persona=persona, seen=_seen(invoice, message))


def shown(days: int, language: str, said: Wording) -> Shown | None:
    """These words about an invoice that would get them, on the day it would; None when nothing is owed."""
    invoice_id = due_reminders.example(current_organization, days, current_organization.tomorrow)
    if invoice_id is None:
        return None
    invoice = invoices.loaded(invoice_id)
    on = invoice.due_on + timedelta(days=days)
    message = reminder_texts.specimen(
        current_organization, invoice, _LINK_IN_THE_MAIL, said, on=on, language=language
    )
    return _seen(invoice, message)


def _seen(invoice: Invoice, message: Message) -> Shown:
    paper = sending.stationery(current_organization, specimen=False)
    text, _ = wiring.mail_writer().write(message, paper)
    return Shown(invoice, message, text)


def _text_of() -> Callable[[DueReminder], str]:
    """Whose words a reminder is in."""
    texts = reminder_texts.written()

    def said(row: DueReminder) -> str:
        own = reminder_texts.chosen(texts, row.offset, row.language, current_organization)
        return languages.name(own.language, current_organization) if own else "usual words"

    return said


def _lines(rows: Any) -> Iterator[tuple[Any, ...]]:
    currency, text_of = current_organization.currency, _text_of()
    for row in rows:
        assert isinstance(row, DueReminder)
        yield (
            row.member_number, row.member, row.email, row.chapter, row.number, row.due_on.isoformat(),
            row.offset, row.owed, money.plain(row.owed, currency), currency, text_of(row),
        )  # fmt: skip
