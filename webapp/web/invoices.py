"""The invoice list and the invoice, as treasurers and the national office both see them."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, render_template, request
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response as AnyResponse

from webapp.core import money
from webapp.core.db import db
from webapp.core.errors import Invalid, NotFound
from webapp.domain.billing import periods, search
from webapp.domain.billing.adjustments import Adjustment
from webapp.domain.billing.invoice import Invoice, InvoiceLine
from webapp.domain.bulk_actions.bulk_action import BulkKind
from webapp.domain.notifications import outcomes
from webapp.domain.notifications.delivery import MailKind, MailState
from webapp.domain.reporting import history, unsettled
from webapp.web.gates import current_access, current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv

STATUSES = [
    ("owed", "Owed"),
    ("open", "Open"),
    ("partial", "Partly paid"),
    ("overdue", "Overdue"),
    ("paid", "Paid"),
    ("waived", "Waived"),
    ("refunded", "Refunded"),
    ("void", "Void"),
]
_MAILED = {
    MailKind.INVOICE: "mailed",
    MailKind.REMINDER: "reminded",
    MailKind.RECEIPT: "receipt_mailed",
    MailKind.NEW_LINK: "link_mailed",
}
_FILTERS = ("q", "status", "period", "member", "run", "due_before", "due_after", "sort")
_HEADER = (
    "number", "member_number", "first_name", "last_name", "email", "chapter", "period", "status",
    "issued_on", "due_on", "billed_minor", "billed", "paid_minor", "paid", "owed_minor", "owed", "currency",
)  # fmt: skip


def index(persona: str, *, chapter_id: UUID | None = None) -> AnyResponse:
    """The list for this address's filters: a page, the part that changed, or a file."""
    organization, asked = current_organization, wanted(chapter_id)
    sort = request.args.get("sort", "-number")
    if wants_csv():
        return as_csv(asked, sort=sort)
    found = search.page(asked, organization, sort=sort, after=_uuid("after"), limit=PAGE)
    shown, last = page_of(found)
    names = periods.names()
    return respond(
        "shared/invoices/index.html",
        "shared/invoices/_list.html",
        rows=shown,
        after=last.id if last else None,
        persona=persona,
        today=organization.today,
        statuses=STATUSES,
        periods=list(names.items()),
        chips=_chips(names),
        bulk=[kind for kind in BulkKind if not kind.is_about_members],
        asked=filters(),
        may_act=_may_act(chapter_id),
    )


def filters() -> dict[str, str]:
    """Of this address, to come back to the same list."""
    return {name: request.args[name] for name in _FILTERS if request.args.get(name)}


def as_csv(asked: search.InvoiceFilter, *, sort: str = "-number") -> AnyResponse:
    every = search.find(asked, current_organization, sort=sort, limit=None)
    return stream_rows("invoices.csv", _HEADER, every, _as_row)


def loaded(invoice_id: UUID, **conditions: Any) -> Invoice:
    """The invoice with all that its page shows; NotFound outside of what the conditions allow."""
    adjustments = joinedload(Invoice.adjustments)
    statement = (
        Invoice.here()
        .select(Invoice.id == invoice_id)
        .options(
            joinedload(Invoice.member),
            joinedload(Invoice.chapter),
            joinedload(Invoice.period),
            joinedload(Invoice.schedule),
            joinedload(Invoice.voided_by),
            joinedload(Invoice.lines).joinedload(InvoiceLine.reason),
            adjustments.joinedload(Adjustment.requested_by),
            adjustments.joinedload(Adjustment.decided_by),
        )
        .filter_by(**conditions)
    )
    found = db.session.scalars(statement).unique().one_or_none()
    if found is None:
        raise NotFound
    return found


def shown(invoice: Invoice) -> dict[str, Any]:
    return {
        "invoice": invoice,
        "today": current_organization.today,
        "events": history.of_invoice(invoice, *_mails(invoice)),
    }


def page(persona: str, invoice: Invoice) -> str:
    """As officers see it, with what is still under way."""
    return render_template(
        "shared/invoices/show.html",
        persona=persona,
        unsettled=unsettled.of_invoice(invoice),
        **shown(invoice),
    )


def _mails(invoice: Invoice) -> Iterator[history.Happening]:
    for mail in outcomes.of_invoice(invoice.id):
        at, failed = mail.sent_at or mail.created_at, mail.state is MailState.FAILED
        if failed or mail.kind in _MAILED:
            what = "mail_failed" if failed else _MAILED[mail.kind]
            yield history.Happening(at, what, detail=mail.note if failed else mail.recipient)


def _may_act(chapter_id: UUID | None) -> bool:
    """Whether bulk actions are offered beside the list."""
    if chapter_id is None:
        return current_access.can_change_organization()
    return current_access.can_change_chapter(chapter_id)


def wanted(chapter_id: UUID | None) -> search.InvoiceFilter:
    """What this address's filters ask for."""
    return search.InvoiceFilter(
        status=request.args.get("status") or None,
        period=request.args.get("period") or None,
        chapter_id=chapter_id,
        member_id=_uuid("member"),
        run_id=_uuid("run"),
        due_before=_day("due_before"),
        due_after=_day("due_after"),
        q=request.args.get("q") or None,
    )


def _uuid(name: str) -> UUID | None:
    text = request.args.get(name)
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise NotFound from error


def _day(name: str) -> date | None:
    text = request.args.get(name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Invalid(f"“{text}” is not a date. Write it like 2026-09-01.") from error


def _chips(period_names: dict[str, str]) -> list[tuple[str, str, str]]:
    words = {"status": dict(STATUSES), "period": period_names}
    labels = {
        "run": "one billing run",
        "q": "“{}”",
        "due_before": "due before {}",
        "due_after": "due after {}",
    }
    found = []
    for name in ("run", "q", "status", "period", "due_before", "due_after"):
        value = request.args.get(name)
        if value:
            text = words.get(name, {}).get(value, value)
            found.append((labels.get(name, "{}").format(text), name, value))
    return found


def _as_row(row: Any) -> tuple[Any, ...]:
    currency = current_organization.currency
    amounts = [
        cell for minor in (row.billed, row.paid, row.owed) for cell in (minor, money.plain(minor, currency))
    ]
    return (
        row.number, row.member_number, row.first_name, row.last_name, row.email, row.chapter_code,
        row.period_code, row.status.value, row.issued_on, row.due_on, *amounts, currency,
    )  # fmt: skip


def as_file(content: bytes, name: str) -> Response:
    """A PDF to look at or keep."""
    response = Response(content, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response
