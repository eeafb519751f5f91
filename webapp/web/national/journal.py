"""Every entry in the books, and what stands behind it: its postings, its document, what the guards said."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID

from flask import render_template, request
from werkzeug.wrappers import Response

from webapp.core import money
from webapp.domain.ledger import Event, Key, Outcome, register
from webapp.web import books
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv
from webapp.web.national import national

_HEADER = ("date", "entry", "event", "description", "by", "amount", "currency", "overridden_because")


@national.get("/journal/", endpoint="journal")
def index() -> Response:
    wanted = register.Wanted(
        event=request.args.get("event", type=Event),
        overridden=request.args.get("decision") == Outcome.OVERRIDDEN,
        since=books.day("since"),
        until=books.day("until"),
    )
    if wants_csv():
        return stream_csv("journal.csv", _HEADER, _as_rows(wanted))
    after = Key.read(request.args.get("after"))
    rows, last = page_of(register.page(wanted, PAGE + 1, after=after))
    return respond(
        "national/journal/index.html",
        "national/journal/_list.html",
        rows=rows,
        after=str(last.key) if last else None,
        wanted=wanted,
        events=[(event.value, event.label) for event in Event],
    )


@national.get("/journal/<uuid:entry_id>", endpoint="journal_entry")
def show(entry_id: UUID) -> str:
    entry = register.whole(entry_id)
    document = partial(books.document_address, "national")
    return render_template("national/journal/show.html", document=document, **entry._asdict())


def _as_rows(wanted: register.Wanted) -> Iterator[tuple[Any, ...]]:
    currency = current_organization.currency
    for row in register.all_rows(wanted):
        amount = money.to_decimal(row.amount, currency)
        yield (
            row.dated.isoformat(), str(row.id), row.event.value, row.description, row.by, amount, currency,
            row.overridden_because,
        )  # fmt: skip
