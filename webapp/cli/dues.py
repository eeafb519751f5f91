"""`flask dues`, `flask rates`, `flask periods`: what is charged, without a browser."""

from datetime import date, datetime
from typing import Any

import click
from flask import Flask
from sqlalchemy import func, or_

from webapp.cli.output import organization_named, says_why, table
from webapp.core import money
from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import periods as billing_periods
from webapp.domain.billing import rates as dues_rates
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.settings import Cadence, DuesSettings, LateFeeKind
from webapp.domain.organizations import Chapter, MemberStatus, Organization

DAY = click.DateTime(["%Y-%m-%d"])


def register(app: Flask) -> None:
    for group in (dues, rates, periods):
        app.cli.add_command(group)


@click.group(help="How an organization charges dues.")
def dues() -> None: ...


@click.group(help="What each status pays.")
def rates() -> None: ...


@click.group(help="The spans that dues are charged for.")
def periods() -> None: ...


@dues.command("set", help="Change the dues settings that are named; prints all of them.")
@click.argument("org")
@click.option("--default", "default_amount", metavar="AMOUNT", help="Where no rate says otherwise.")
@click.option("--cadence", type=click.Choice([cadence.value for cadence in Cadence]))
@click.option("--due-after", "due_after_days", type=int, metavar="DAYS", help="From a period's first day.")
@click.option("--grace", "grace_days", type=int, metavar="DAYS", help="After the due date.")
@click.option("--late-fee", "late_fee_amount", metavar="AMOUNT", help="A flat late fee.")
@click.option("--late-fee-after", "late_fee_after_days", type=int, metavar="DAYS")
@click.option("--refund-cap", metavar="AMOUNT", help="What one officer may refund alone on one invoice.")
@click.option("--reminder-days", metavar="-7,0,7,21", help="Counted from the due date.")
@click.option("--card-retry-days", metavar="3,5,7")
@click.option("--autopay/--no-autopay", default=None)
@click.option("--prorate/--no-prorate", "prorate_late_joiners", default=None, help="For late joiners.")
@says_why
def set_dues(org: str, **given: Any) -> None:
    with organization_named(org) as organization:
        values = _read(organization, {name: value for name, value in given.items() if value is not None})
        with transaction():
            settings = DuesSettings.of(organization)
            settings.change(by=None, **values)
        amounts = {"default_amount", "refund_cap"}
        names = ["cadence", "default_amount", "due_after_days", "grace_days", "refund_cap", "autopay"]
        names += ["prorate_late_joiners", "reminder_days", "card_retry_days"]
        rows = [
            (name, money.plain(value, organization.currency) if name in amounts else _text(value))
            for name in names
            for value in [getattr(settings, name)]
        ]
        table(("setting", "value"), rows)


@rates.command("set", help="What a status pays; without dates always. A new rate ends the one before it.")
@click.argument("org")
@click.argument("status")
@click.argument("amount")
@click.option("--chapter", metavar="CODE", help="Only in this chapter.")
@click.option("--from", "starts_on", type=DAY, metavar="DATE", help="First day, 2026-07-01.")
@click.option("--to", "ends_on", type=DAY, metavar="DATE", help="Last day.")
@says_why
def set_rate(
    org: str,
    status: str,
    amount: str,
    *,
    chapter: str | None,
    starts_on: datetime | None,
    ends_on: datetime | None,
) -> None:
    with organization_named(org) as organization:
        with transaction():
            rate = dues_rates.set_rate(
                _status(status),
                _amount(organization, amount),
                chapter=_chapter(chapter) if chapter else None,
                starts_on=_day(starts_on),
                ends_on=_day(ends_on),
                by=None,
            )
        shown = money.plain(rate.amount, organization.currency)
        table(("status", "chapter", "amount", "applies"), [(status, chapter, shown, rate.span)])


@periods.command("generate", help="Make a year's periods by the cadence; those that are there stay.")
@click.argument("org")
@click.argument("year", type=int)
@says_why
def generate(org: str, year: int) -> None:
    with organization_named(org) as organization:
        with transaction():
            made = billing_periods.generate(organization, year, by=None)
        _print(made)


@periods.command("list", help="Every period, its code first.")
@click.argument("org")
@says_why
def list_periods(org: str) -> None:
    with organization_named(org):
        _print(BillingPeriod.here().all(order_by=BillingPeriod.starts_on))


def _print(found: Any) -> None:
    rows = [
        (
            *(period.code, period.name, period.starts_on, period.ends_on),
            *(period.due_on, period.grace_ends_on, "closed" if period.is_closed else "open"),
        )
        for period in found
    ]
    table(("period", "name", "from", "to", "due", "grace ends", "state"), rows)


def _read(organization: Organization, given: dict[str, Any]) -> dict[str, Any]:
    """Options as the settings keep them."""
    for name in ("default_amount", "late_fee_amount", "refund_cap"):
        if name in given:
            given[name] = _amount(organization, given[name])
    for name in ("reminder_days", "card_retry_days"):
        if name in given:
            given[name] = _days(given[name])
    if "cadence" in given:
        given["cadence"] = Cadence(given["cadence"])
    if "late_fee_amount" in given:
        given["late_fee_kind"] = LateFeeKind.FLAT
    return given


def _amount(organization: Organization, text: str) -> int:
    return money.parse(text, organization.currency, "en_US")


def _days(text: str) -> list[int]:
    try:
        return [int(day) for day in text.split(",") if day.strip()]
    except ValueError as error:
        raise Invalid(f"“{text}” is no list of days. Write it like 3,5,7.") from error


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(str(day) for day in value) if isinstance(value, list) else str(value)


def _status(named: str) -> MemberStatus:
    either = or_(MemberStatus.code == named, func.lower(MemberStatus.label) == named.lower())
    status = MemberStatus.here().first(either)
    if status is None:
        known = ", ".join(one.code for one in MemberStatus.here().all(order_by=MemberStatus.code))
        raise Invalid(f"There is no status “{named}”. There are: {known or 'none yet'}.")
    return status


def _chapter(code: str) -> Chapter:
    chapter = Chapter.here().first(Chapter.code == code.upper())
    if chapter is None:
        raise Invalid(f"There is no chapter with the code “{code}”.")
    return chapter
