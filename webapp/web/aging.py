"""What was owed at the end of a day, by how long it had been due; every figure leads to its invoices."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from flask import request
from sqlalchemy import Select
from werkzeug.wrappers import Response

from webapp.core import money
from webapp.core.db import db
from webapp.core.errors import Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.reporting import aging, largest_first
from webapp.domain.reporting.aging import BUCKETS, NAMES, By, Wanted
from webapp.domain.reporting.largest_first import Key
from webapp.web import books
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv

TOP = 10
HEADER = ("code", "name", "invoices", *NAMES, "total", "currency")
_INVOICES_HEADER = (
    "invoice", "due_on", "days_past_due", "member_number", "member", "chapter", "owed_minor", "owed",
    "currency",
)  # fmt: skip


def report(persona: str, usual: By, *, chapter_id: UUID | None = None) -> Response:
    """The five sums and what they are made of; a page, the part that changed, or a file."""
    wanted, by = _wanted(chapter_id), request.args.get("by", usual, type=By)
    above, problem = _amount("over_90_above")
    found = aging.groups(wanted, by, over_90_above=above)
    if wants_csv():
        return stream_rows(f"aging-{wanted.on}-by-{by}.csv", HEADER, found, as_row)
    rows, after = _shown(found)
    severe_above = DuesSettings.of(current_organization).severe_above
    return respond(
        "shared/aging/index.html",
        "shared/aging/_report.html",
        persona=persona,
        wanted=wanted,
        by=by,
        problem=problem,
        whole=aging.total(wanted),
        rows=rows,
        after=after,
        shows_all=_shows_all(),
        severe_above=severe_above,
        severe_typed=money.typed(severe_above, current_organization.currency, current_organization.locale),
        severe=db.session.execute(aging.severe(wanted, severe_above).limit(TOP)).all(),
    )


def _shows_all() -> bool:
    return request.args.get("show") == "all" or bool(request.args.get("over_90_above"))


def _shown(found: Select[Any]) -> tuple[Sequence[Any], Key | None]:
    """The ten that owe most, and whether more follow; or a page of all of them."""
    after, size = Key.read(request.args.get("after")), PAGE if _shows_all() else TOP
    wanted = largest_first.ordered(found, "total", after=after).limit(size + 1)
    rows, last = page_of(db.session.execute(wanted).all(), size)
    return rows, Key(last.total, last.id) if last else None


def invoices(persona: str, *, chapter_id: UUID | None = None) -> Response:
    """What one figure of the report is the sum of."""
    wanted = _wanted(chapter_id)
    found = aging.invoices(wanted)
    if wants_csv():
        return stream_rows(f"owed-{wanted.on}.csv", _INVOICES_HEADER, found, _as_invoice)
    if (after := request.args.get("after", type=UUID)) is not None:
        found = found.where(Invoice.id > after)
    rows, last = page_of(db.session.execute(found.limit(PAGE + 1)).all())
    count, owed = aging.count_and_sum(wanted)
    return respond(
        "shared/aging/invoices.html",
        "shared/aging/_invoices.html",
        persona=persona,
        wanted=wanted,
        bucket=BUCKETS[wanted.bucket] if wanted.bucket is not None else None,
        rows=rows,
        after=last.id if last else None,
        count=count,
        owed=owed,
    )


def _wanted(chapter_id: UUID | None) -> Wanted:
    """As the address says; a day to come is today."""
    today, bucket = current_organization.today, request.args.get("bucket", type=int)
    return Wanted(
        min(books.day("as_of") or today, today),
        today,
        chapter_id=chapter_id or request.args.get("chapter", type=UUID),
        member_id=request.args.get("member", type=UUID),
        schedule_id=request.args.get("schedule", type=UUID),
        period_id=request.args.get("period", type=UUID),
        pledge_class_id=request.args.get("pledge_class", type=UUID),
        bucket=bucket if bucket in range(len(BUCKETS)) else None,
    )


def _amount(name: str) -> tuple[int | None, str | None]:
    """What somebody typed, and what is wrong with it."""
    typed = request.args.get(name, "").strip()
    with suppress(Invalid):
        return (_read(typed) if typed else None), None
    return None, f"“{typed}” is not an amount, so everybody is shown."


def _read(typed: str) -> int:
    return money.parse(typed, current_organization.currency, current_organization.locale)


def as_row(row: Any) -> tuple[Any, ...]:
    currency = current_organization.currency
    sums = [money.to_decimal(getattr(row, name), currency) for name in (*NAMES, "total")]
    return row.code, row.name, row.invoices, *sums, currency


def _as_invoice(row: Any) -> tuple[Any, ...]:
    currency = current_organization.currency
    return (
        row.number, row.due_on.isoformat(), row.days, row.member_number, row.member, row.chapter, row.owed,
        money.to_decimal(row.owed, currency), currency,
    )  # fmt: skip
