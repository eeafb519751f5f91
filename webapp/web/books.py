"""What every page about the books shares: words for both directions, the way to an entry's document."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

from flask import current_app, request, url_for

from webapp.core import money
from webapp.domain.ledger import AccountKind, Code, Extract, Key
from webapp.web.lists import PAGE, page_of

LINES_HEADER = ("date", "event", "description", "member", "account", "change", "balance", "currency")
_DOCUMENTS = {
    "invoices": ("invoice", "invoice_id"),
    "payments": ("payment", "payment_id"),
    "receipt_batches": ("receipt_batch", "batch_id"),
    "adjustments": ("adjustment", "adjustment_id"),
    "credit_notes": ("credit_note", "note_id"),
    "disputes": ("dispute", "dispute_id"),
    "members": ("member", "member_id"),
    "chapters": ("chapter", "chapter_id"),
    "member_statuses": ("status", "status_id"),
    "billing_periods": ("period", "period_id"),
    "billing_runs": ("billing_run", "run_id"),
    "payment_processors": ("processor", "processor_id"),
    "roster_imports": ("roster_import", "import_id"),
    "bulk_actions": ("bulk_action", "action_id"),
    "journal_entries": ("journal_entry", "entry_id"),
}
_WORDS = {
    AccountKind.ASSET: ("Money in", "Money out"),
    AccountKind.LIABILITY: ("Added", "Used or paid out"),
    AccountKind.EQUITY: ("Kept", "Lost"),
    AccountKind.INCOME: ("Earned", "Taken back"),
    AccountKind.EXPENSE: ("Spent", "Taken back"),
}


def words_for(code: str, kind: AccountKind) -> tuple[str, str]:
    """What it means when the account grows, and when it shrinks."""
    return ("Charged", "Paid or taken off") if code == Code.RECEIVABLE else _WORDS[kind]


def document_address(persona: str, kind: str, document_id: UUID) -> str | None:
    """The page of the thing that an entry is about, if these pages have one."""
    endpoint, argument = _DOCUMENTS.get(kind, ("", ""))
    name = f"{persona}.{endpoint}"
    named: dict[str, Any] = {argument: document_id}
    return url_for(name, **named) if name in current_app.view_functions else None


def day(name: str) -> date | None:
    return request.args.get(name, type=date.fromisoformat)


def page_of_lines(extract: Extract) -> dict[str, Any]:
    """A page of an extract for its list: `lines`, and `after` to continue."""
    lines, last = page_of(extract.page(PAGE + 1, after=Key.read(request.args.get("after"))))
    return {
        "lines": lines,
        "after": str(last.key) if last else None,
        "since": day("since"),
        "until": day("until"),
    }


def lines_as_csv(extract: Extract, currency: str) -> Iterator[tuple[Any, ...]]:
    for line in extract.all():
        yield (
            line.key.dated.isoformat(),
            line.event.value,
            line.description,
            line.member,
            line.counter_account,
            money.to_decimal(line.change, currency),
            money.to_decimal(line.balance, currency),
            currency,
        )
