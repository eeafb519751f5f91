"""Which days and whose invoices the address of a report asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from flask import request

from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.ledger.fiscal_years import FiscalYear
from webapp.domain.organizations import Chapter, PledgeClass
from webapp.domain.reporting.collections import report
from webapp.domain.reporting.collections.figures import Span
from webapp.domain.reporting.receivables import NO_CLASS, Whose
from webapp.web import books
from webapp.web.gates import current_organization

YEARS = range(1990, 2200)
PLACES = ("chapter", "pledge_class")
_KINDS: dict[str, Any] = {"chapter": Chapter, "pledge_class": PledgeClass, "period": BillingPeriod}


_NEVER = "The first day is after the last, so the fiscal year of the last day is shown."


@dataclass(frozen=True)
class Narrowed:
    """`address` says the same in the address of another page, and `chips` in words; on pages of one chapter,
    that goes without saying."""

    whose: Whose
    address: dict[str, UUID]
    chips: list[tuple[str, str, UUID]]


def narrowed(chapter_id: UUID | None, kinds: Sequence[str] = tuple(_KINDS)) -> Narrowed:
    """What this organization has not is a 404."""
    asked = [name for name in kinds if not (chapter_id and name == "chapter")]
    address = {name: found for name in asked if (found := request.args.get(name, type=UUID))}
    chips = [(_name(name, wanted), name, wanted) for name, wanted in address.items()]
    ids = {f"{name}_id": wanted for name, wanted in address.items()}
    return Narrowed(Whose(**({"chapter_id": chapter_id} | ids)), address, chips)


def _name(kind: str, wanted: UUID) -> str:
    if wanted == NO_CLASS:
        return f"No {current_organization.vocabulary.pledge_class.lower()}"
    return str(_KINDS[kind].here().get(wanted).name)


def last_day() -> date:
    """A day to come is today."""
    today = current_organization.today
    return min(books.day("as_of") or today, today)


def span(whose: Whose) -> tuple[Span, str | None]:
    """As the address says, and what is wrong with that."""
    until, year = last_day(), request.args.get("year", type=int)
    asked = year if year and year in YEARS else None
    found = chosen(until, since=books.day("since"), year=asked, period_id=whose.period_id)
    return (found, None) if found.days > 0 else (chosen(until), _NEVER)


def chosen(
    until: date, *, since: date | None = None, year: int | None = None, period_id: UUID | None = None
) -> Span:
    """Since a day; or in a fiscal year, by the calendar year it begins in; or since the period was billed; or
    else in the fiscal year of the last day. It may begin after that day."""
    month = current_organization.fiscal_year_month
    if since is not None:
        return Span(since, until)
    if year is not None:
        asked = FiscalYear.beginning(year, month)
        return Span(asked.starts_on, min(asked.ends_on, until))
    if period_id is not None:
        return report.since_billed(period_id, until)
    return Span(FiscalYear.of(until, month).starts_on, until)


def years() -> list[FiscalYear]:
    """What there is to choose from, the latest first."""
    found = [FiscalYear.of(current_organization.today, current_organization.fiscal_year_month)]
    while len(found) <= report.YEARS:
        found.append(found[-1].before)
    return found
