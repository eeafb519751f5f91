"""The rows of files about snapshots."""

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from webapp.core import money
from webapp.domain.reporting.snapshots import AMOUNTS
from webapp.web.gates import current_organization

LINE_HEADER = (
    "as_of", "member_number", "last_name", "first_name", "chapter", "invoices", *AMOUNTS, "currency",
)  # fmt: skip
CHANGE_HEADER = (
    "member_number", "last_name", "first_name", "chapter", "before", "after", "change", "currency",
)  # fmt: skip


def as_line(as_of: date) -> Callable[[Any], tuple[Any, ...]]:
    def line(row: Any) -> tuple[Any, ...]:
        amounts = _exact(getattr(row, name) for name in AMOUNTS)
        return (as_of.isoformat(), *_who(row), row.invoices, *amounts, current_organization.currency)

    return line


def as_change(row: Any) -> tuple[Any, ...]:
    return (*_who(row), *_exact((row.before, row.after, row.change)), current_organization.currency)


def _who(row: Any) -> tuple[str, ...]:
    return row.number, row.last_name, row.first_name, row.chapter


def _exact(amounts: Iterable[Any]) -> list[Decimal]:
    return [money.to_decimal(int(amount), current_organization.currency) for amount in amounts]
