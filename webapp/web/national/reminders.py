"""Who gets which reminder tomorrow, if nothing changes until then."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from webapp.core import money
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.notifications import reminders as due_reminders
from webapp.domain.notifications.reminders import DueReminder
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv
from webapp.web.national import national

_HEADER = (
    "member_number", "member", "email", "chapter", "invoice", "due_on", "days_after_due", "owed_minor",
    "owed", "currency",
)  # fmt: skip


@national.get("/reminders/", endpoint="reminders")
def index() -> Response:
    tomorrow = current_organization.today + timedelta(days=1)
    if wants_csv():
        return stream_csv("reminders.csv", _HEADER, _lines(due_reminders.due(current_organization, tomorrow)))
    after = request.args.get("after", type=UUID)
    rows, last = page_of(due_reminders.due(current_organization, tomorrow, after=after, limit=PAGE + 1))
    return respond(
        "national/reminders/index.html",
        "national/reminders/_list.html",
        rows=rows,
        after=last.invoice_id if last else None,
        tomorrow=tomorrow,
        offsets=sorted(DuesSettings.of(current_organization).reminder_days),
    )


def _lines(rows: Any) -> Iterator[tuple[Any, ...]]:
    currency = current_organization.currency
    for row in rows:
        assert isinstance(row, DueReminder)
        yield (
            row.member_number, row.member, row.email, row.chapter, row.number, row.due_on.isoformat(),
            row.offset, row.owed, money.plain(row.owed, currency), currency,
        )  # fmt: skip
