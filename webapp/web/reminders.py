"""Who gets which reminder tomorrow, if nothing changes until then, and what it will say."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import render_template, request
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core import money
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.notifications import reminders as due_reminders
from webapp.domain.notifications import sending, wording
from webapp.domain.notifications.reminders import DueReminder
from webapp.domain.notifications.wording import Voice
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv

_LINK_IN_THE_MAIL = "https://…"
_HEADER = (
    "member_number", "member", "email", "chapter", "invoice", "due_on", "days_after_due", "owed_minor",
    "owed", "currency",
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
    )


def preview(persona: str, invoice: Invoice) -> str:
    """The mail as it would leave tomorrow; without its link, which opens the invoice to whoever reads it."""
    voice, tomorrow = Voice(current_organization), current_organization.tomorrow
    message = wording.reminder(voice, invoice, invoice.member, _LINK_IN_THE_MAIL, on=tomorrow)
    text, _ = wiring.mail_writer().write(message, sending.stationery(current_organization, specimen=False))
    return render_template(
        "shared/reminders/preview.html", persona=persona, invoice=invoice, message=message, text=text
    )


def _lines(rows: Any) -> Iterator[tuple[Any, ...]]:
    currency = current_organization.currency
    for row in rows:
        assert isinstance(row, DueReminder)
        yield (
            row.member_number, row.member, row.email, row.chapter, row.number, row.due_on.isoformat(),
            row.offset, row.owed, money.plain(row.owed, currency), currency,
        )  # fmt: skip
