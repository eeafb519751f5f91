"""What members pay and when: rates and billing periods."""

from typing import Any
from uuid import UUID

from flask import g
from sqlalchemy import or_
from sqlalchemy.orm import joinedload

from webapp.core.db import db, transaction
from webapp.core.errors import NotFound
from webapp.domain.billing import period_change, periods, rates
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.rates import DuesRate
from webapp.domain.billing.settings import Cadence, DuesSettings
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import ADMIN, STAFF, acting
from webapp.web.api.fields import Shape, change_in, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.organizations import refuse_other_currency
from webapp.web.api.paging import PAGED, listing, page, pages_of
from webapp.web.api.people import chapter_named, status_named

TOPIC = "Dues"

_SPAN = {
    "effective_from": f.day("The first day it applies; null for always").or_null(),
    "effective_to": f.day("The last day it applies; null for open end").or_null(),
}
RATE = Shape(
    "DuesRate",
    {
        "id": f.identifier("The rate"),
        "status": f.text("Code of the status it is for", "undergraduate"),
        "chapter_id": f.identifier("The only chapter it is for; null for all").or_null(),
        "amount": f.amount("What a member pays per period"),
        "currency": f.currency(),
        **_SPAN,
    },
)
RATE_NEW = shape_in(
    "DuesRateNew",
    status=f.text("Code of the status", "undergraduate", least=1).needed(),
    chapter_id=f.identifier("The only chapter it is for; null for all").or_null(),
    amount=f.amount("What a member pays per period").needed(),
    currency=f.currency(),
    **_SPAN,
)
CURRENT = Shape(
    "CurrentRate",
    {
        "status": f.text("Code of the status", "undergraduate"),
        "on": f.day("The day that was asked for"),
        "amount": f.amount("What a member of this status pays per period"),
        "currency": f.currency(),
        "rate_id": f.identifier("The rate that says so; null when it is the default amount").or_null(),
    },
)
CURRENT_QUERY = shape_in(
    "CurrentRateQuery",
    status=f.text("Code of the status", "undergraduate", least=1).needed(),
    on=f.day("The day; today unless told"),
    chapter=f.identifier("A chapter, which may have a rate of its own"),
)

_PERIOD = {
    "code": f.text("Its short name", "2026-fall", least=1, most=30, pattern=r"^[A-Za-z0-9_.-]+$"),
    "name": f.text("As members read it", "Fall 2026", least=1),
    "starts_on": f.day("First day", "2026-07-01"),
    "ends_on": f.day("Last day", "2026-12-31"),
    "due_on": f.day("When its dues are due", "2026-07-31"),
    "grace_ends_on": f.day("The last day before an invoice is overdue", "2026-08-14"),
}
PERIOD = Shape(
    "BillingPeriod",
    {
        "id": f.identifier("The period"),
        **_PERIOD,
        "cadence": f.choice("How it came about", Cadence),
        "closed_at": f.instant("When its books were closed").or_null(),
    },
)
PERIOD_NEW = shape_in(
    "BillingPeriodNew",
    **{name: one if name == "grace_ends_on" else one.needed() for name, one in _PERIOD.items()},
)
PERIOD_CHANGE = change_in(
    "BillingPeriodChange", **{name: one for name, one in _PERIOD.items() if name != "code"}
)
YEAR = shape_in("BillingYear", year=f.whole("The year", 2027, least=1990, most=2200).needed())
MADE = Shape("BillingPeriodsMade", {"data": f.list_of(PERIOD, "The periods that were missing")})

_RATES = "/organizations/<uuid:organization_id>/dues-rates/"
_PERIODS = "/organizations/<uuid:organization_id>/billing-periods/"


@operations.get(
    _RATES,
    summary="List dues rates",
    topic=TOPIC,
    gives=pages_of(RATE),
    query=listing("DuesRateFilters", status=f.text("Only for this status", "undergraduate", least=1)),
    allowed=STAFF,
)
def list_rates(query: Values) -> Answer:
    """What each status pays, with past and coming rates."""
    conditions = [DuesRate.status_id == status_named(query["status"]).id] if "status" in query else []
    return page(_rates(), DuesRate, query, _rate, *conditions)


@operations.post(_RATES, summary="Set a dues rate", topic=TOPIC, gives=RATE, takes=RATE_NEW, allowed=ADMIN)
def set_rate(body: Values) -> Answer:
    """What a status pays from a day on. The rate before it ends the day before; the same days again correct
    its amount. Invoices that were issued keep what they say."""
    refuse_other_currency(body)
    chapter_id = body.get("chapter_id")
    with transaction():
        rate = rates.set_rate(
            status_named(body["status"]),
            body["amount"],
            chapter=chapter_named(chapter_id) if chapter_id else None,
            starts_on=body.get("effective_from"),
            ends_on=body.get("effective_to"),
            by=acting,
        )
    return _rate(_found_rate(rate.id))


@operations.get(
    _RATES + "current",
    summary="Find the rate in force",
    topic=TOPIC,
    gives=CURRENT,
    query=CURRENT_QUERY,
    allowed=STAFF,
)
def read_current_rate(query: Values) -> Answer:
    """What a status pays on a day: the chapter's own rate, else the status's, else the default amount."""
    status, day = status_named(query["status"]), query.get("on", g.organization.today)
    chapter = chapter_named(query["chapter"], "chapter").id if "chapter" in query else bearer.own_chapter()
    rate = rates.current_rate(status.id, chapter, day)
    return CURRENT.tell(
        rate,
        status=status.code,
        on=day,
        amount=rate.amount if rate else DuesSettings.of(g.organization).default_amount,
        currency=g.organization.currency,
        rate_id=rate.id if rate else None,
    )


@operations.get(
    _RATES + "<uuid:rate_id>/", summary="Read a dues rate", topic=TOPIC, gives=RATE, allowed=STAFF
)
def read_rate(rate_id: UUID) -> Answer:
    """Whom it is for, what they pay, and from when to when."""
    return _rate(_found_rate(rate_id))


@operations.get(
    _PERIODS, summary="List billing periods", topic=TOPIC, gives=pages_of(PERIOD), query=PAGED, allowed=STAFF
)
def list_periods(query: Values) -> Answer:
    """Every period, the one made last first."""
    return page(BillingPeriod.here().select(), BillingPeriod, query, PERIOD.tell)


@operations.post(
    _PERIODS, summary="Add a billing period", topic=TOPIC, gives=PERIOD, takes=PERIOD_NEW, allowed=ADMIN
)
def add_period(body: Values) -> Answer:
    """A period of one's own, such as a conference or a construction year."""
    with transaction():
        return PERIOD.tell(periods.add(**body, by=acting))


@operations.post(
    _PERIODS + "generate",
    summary="Make a year's billing periods",
    topic=TOPIC,
    gives=MADE,
    takes=YEAR,
    status=200,
    allowed=ADMIN,
)
def generate_periods(body: Values) -> Answer:
    """Those that are missing, by the organization's cadence. Asking again makes nothing new."""
    with transaction():
        made = periods.generate(g.organization, body["year"], by=acting)
    return {"data": [PERIOD.tell(period) for period in made]}


@operations.get(
    _PERIODS + "<uuid:period_id>/", summary="Read a billing period", topic=TOPIC, gives=PERIOD, allowed=STAFF
)
def read_period(period_id: UUID) -> Answer:
    """Its days, and whether its books are closed."""
    return PERIOD.tell(BillingPeriod.here().get(period_id))


@operations.patch(
    _PERIODS + "<uuid:period_id>/",
    summary="Change a billing period",
    topic=TOPIC,
    gives=PERIOD,
    takes=PERIOD_CHANGE,
    allowed=ADMIN,
)
def change_period(period_id: UUID, body: Values) -> Answer:
    """Its name and days until something was billed for it, because invoices state them; due date and grace as
    long as it is open, for the invoices to come. A closed period stays as it is."""
    with transaction():
        period = BillingPeriod.here().get(period_id, lock=True)
        period_change.change(period, by=acting, **body)
    return PERIOD.tell(period)


@operations.post(
    _PERIODS + "<uuid:period_id>/close",
    summary="Close a billing period",
    topic=TOPIC,
    gives=PERIOD,
    status=200,
    allowed=ADMIN,
)
def close_period(period_id: UUID) -> Answer:
    """No more billing runs for it and no more entries dated inside it. Only once it is over, and for good."""
    with transaction():
        period = BillingPeriod.here().get(period_id, lock=True)
        period.close(by=acting, on=g.organization.today)
    return PERIOD.tell(period)


def _rates() -> Any:
    found = DuesRate.here().select().options(joinedload(DuesRate.status))
    if own := bearer.own_chapter():
        found = found.where(or_(DuesRate.chapter_id.is_(None), DuesRate.chapter_id == own))
    return found


def _found_rate(rate_id: UUID) -> DuesRate:
    rate: DuesRate = only(_rates().where(DuesRate.id == rate_id))
    return rate


def _rate(rate: DuesRate) -> dict[str, Any]:
    return RATE.tell(rate, status=rate.status.code, currency=g.organization.currency)


def only(statement: Any) -> Any:
    """The one row of the statement as it is now, or NotFound."""
    found = db.session.scalars(statement.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound
    return found
