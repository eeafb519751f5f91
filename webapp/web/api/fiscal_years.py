"""Fiscal years: with which month they begin, what is open before one is closed, closing and opening again."""

from typing import Any
from uuid import UUID

from flask import g

from webapp.core.db import db, transaction
from webapp.domain import ledger
from webapp.domain.ledger import FiscalYear, YearClosing
from webapp.domain.organizations import Organization
from webapp.domain.reporting import year_end
from webapp.domain.reporting.year_end import Check
from webapp.web.api import fields as f
from webapp.web.api import operations
from webapp.web.api.bearer import ADMIN, NATIONAL, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer

TOPIC = "Books"

_DAYS = {
    "year": f.whole("The calendar year it begins in", 2025, least=1900, most=2198),
    "starts_on": f.day("Its first day", "2025-01-01"),
    "ends_on": f.day("Its last day", "2025-12-31"),
    "currency": f.currency(),
}
CLOSED = Shape(
    "ClosedFiscalYear",
    {"id": f.identifier("The closing")}
    | _DAYS
    | {
        "result": f.balance("Income less expenses that were moved to the net assets", 1_250_000),
        "reason": f.text("Why it was closed although something was open", "Small sums", most=500).or_null(),
        "closed_at": f.instant("When it was closed"),
        "reopened_at": f.instant("When it was opened again").or_null(),
    },
)
YEARS = Shape(
    "FiscalYears",
    {
        "begin_in_month": f.whole("The month each year begins in", 1, least=1, most=12),
        "closed": f.list_of(CLOSED, "Those that are closed, the latest first"),
    },
)
YEARS_CHANGE = shape_in(
    "FiscalYearsChange", begin_in_month=f.whole("The month", 7, least=1, most=12).needed()
)
ITEM = Shape(
    "YearEndCheck",
    {
        "check": f.choice("What is looked at", Check),
        "count": f.whole("How many are open; 0 when nothing is", 0, most=1_000_000_000),
        "amount": f.amount("What they come to", 0),
    },
)
CHECKLIST = Shape("YearEndChecklist", _DAYS | {"checks": f.list_of(ITEM, "What stands open, as it is now")})
ASKED = shape_in("YearEndChecklistQuery", year=_DAYS["year"])
CLOSE = shape_in(
    "FiscalYearClose",
    year=_DAYS["year"].needed(),
    reason=f.text("Needed while something on the checklist is open", "Small sums", most=500),
    override_reason=f.override_reason(),
)
REOPEN = shape_in(
    "FiscalYearReopen",
    reason=f.text("Why; auditors read it", "A bank statement was missing", least=1, most=500).needed(),
)
_YEARS = "/organizations/<uuid:organization_id>/fiscal-years/"


@operations.get(_YEARS, summary="List fiscal years", topic=TOPIC, gives=YEARS, allowed=NATIONAL)
def list_fiscal_years() -> Answer:
    """With which month they begin, and those that are closed."""
    return _years()


@operations.patch(
    _YEARS,
    summary="Set when fiscal years begin",
    topic=TOPIC,
    gives=YEARS,
    takes=YEARS_CHANGE,
    allowed=ADMIN,
)
def change_fiscal_years(body: Values) -> Answer:
    """Not while one is closed: its days would lie in two."""
    with transaction() as session:
        organization = session.get_one(Organization, g.organization.id, with_for_update=True)
        ledger.begin_years_with(organization, body["begin_in_month"], by=acting)
    return _years()


@operations.get(
    _YEARS + "checklist/",
    summary="Read what is open before a fiscal year is closed",
    topic=TOPIC,
    gives=CHECKLIST,
    query=ASKED,
    allowed=NATIONAL,
)
def read_year_end_checklist(query: Values) -> Answer:
    """Of the last year that is over, unless told. Everything but the trial balance is counted as it stands
    now."""
    year = _of(query["year"]) if "year" in query else _current().before
    return CHECKLIST.tell(year, **_days(year), checks=[ITEM.tell(one) for one in year_end.checklist(year)])


@operations.post(_YEARS, summary="Close a fiscal year", topic=TOPIC, gives=CLOSED, takes=CLOSE, allowed=ADMIN)
def close_fiscal_year(body: Values) -> Answer:
    """Moves its result to account 3000, dated on its last day, and closes the books through that day. Books
    that do not agree with themselves are never closed. Where the day is closed already, a national admin's
    reason is needed (`override_reason`)."""
    year = _of(body["year"])
    with transaction():
        closing = year_end.close(g.organization, year, by=acting, reason=body.get("reason", ""))
    return _told(closing)


@operations.post(
    _YEARS + "<uuid:closing_id>/reopening",
    summary="Open a closed fiscal year again",
    topic=TOPIC,
    gives=CLOSED,
    takes=REOPEN,
    status=200,
    allowed=ADMIN,
)
def reopen_fiscal_year(closing_id: UUID, body: Values) -> Answer:
    """Its closing entries are reversed on the day they are dated. The latest closed year only."""
    with transaction():
        closing = YearClosing.here().get(closing_id)
        ledger.reopen_year(closing, by=acting, reason=body["reason"])
    return _told(closing)


def _of(year: int) -> FiscalYear:
    return FiscalYear.beginning(year, g.organization.fiscal_year_month)


def _current() -> FiscalYear:
    return FiscalYear.of(g.organization.today, g.organization.fiscal_year_month)


def _years() -> Answer:
    closed = YearClosing.here().select(YearClosing.reopened_at.is_(None)).order_by(YearClosing.ends_on.desc())
    organization = db.session.get_one(Organization, g.organization.id, populate_existing=True)
    return {
        "begin_in_month": organization.fiscal_year_month,
        "closed": [_told(one) for one in db.session.scalars(closed)],
    }


def _told(closing: YearClosing) -> dict[str, Any]:
    return CLOSED.tell(closing, **_days(closing.year))


def _days(year: FiscalYear) -> dict[str, Any]:
    return {"year": year.starts_on.year, "currency": g.organization.currency}
