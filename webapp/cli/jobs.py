"""What the scheduler does, done now."""

from collections.abc import Sequence
from datetime import date, datetime

import click
from flask import Flask
from sqlalchemy import select

from webapp.cli.output import organization_named, says_why, table
from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.organizations import Organization
from webapp.workers.daily import whole_day


def register(app: Flask) -> None:
    app.cli.add_command(jobs)


@click.group(help="Background work.")
def jobs() -> None: ...


@jobs.command(help="A day's work, as the scheduler does it. A day that was done is left as it is.")
@click.argument("org", required=False)
@click.option("--all", "every", is_flag=True, help="Every organization.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Default: its own today.")
@says_why
def daily(org: str | None, every: bool, on: datetime | None) -> None:
    if bool(org) == every:
        raise click.ClickException("Name one organization, or say --all.")
    rows = [_pass(slug, on.date() if on else None) for slug in ([org] if org else _every_slug())]
    table(("organization", "day", "overdue", "reminders", "state"), rows)


def _every_slug() -> Sequence[str]:
    found = db.session.scalars(select(Organization.slug).order_by(Organization.slug)).all()
    db.session.rollback()
    return found


def _pass(slug: str, on: date | None) -> tuple[object, ...]:
    with organization_named(slug) as organization:
        day = on or organization.today
        db.session.rollback()
        with tenancy.acting_for(organization.id):
            run, done_now = whole_day(day)
        state = "done" if done_now else "was done before"
        return slug, day, run.counts.get("overdue"), run.counts.get("reminders"), state
