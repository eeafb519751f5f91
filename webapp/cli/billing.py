"""`flask billing`: a billing run in the foreground."""

import sys

import click
from flask import Flask

from webapp.cli.output import organization_named, says_why, table
from webapp.core import money
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import run as runs
from webapp.domain.billing import schedules
from webapp.domain.billing.batch import bill_batch
from webapp.domain.billing.confirming import confirm
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.preview import Summary, preview
from webapp.domain.billing.run import BillingRun
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.billing.status_diagram import drawn
from webapp.domain.organizations import Organization

HEADER = ("result", "members", "amount")


def register(app: Flask) -> None:
    app.cli.add_command(billing)


@click.group(help="Bill members.")
def billing() -> None: ...


@billing.command("run", help="Bill everybody who has no invoice for it yet; prints counts and the total.")
@click.argument("org")
@click.argument("period")
@click.option("--schedule", metavar="NAME", help="Default: regular dues.")
@click.option("--dry-run", is_flag=True, help="Say what would be billed, and bill nobody.")
@click.option("--seen", metavar="WORD", help="What --dry-run printed last; bills nobody if that has changed.")
@says_why
def run_billing(org: str, period: str, schedule: str | None, dry_run: bool, seen: str | None) -> None:
    with organization_named(org) as organization:
        chosen = _schedule(schedule) if schedule else schedules.standard()
        if dry_run:
            _print_preview(organization, chosen, _period(period))
            return
        with transaction():
            confirmed = confirm(
                organization,
                chosen,
                _period(period),
                dated=organization.today,
                by=None,
                seen=Summary.read(seen) if seen else None,
            )
        _carry_out(confirmed)
        _print_outcome(organization, BillingRun.open(confirmed.id))


def _carry_out(confirmed: BillingRun) -> None:
    """Batch by batch. Workers that take some of them meanwhile do no harm: each batch is billed once."""
    with transaction():
        runs.start(confirmed.id)
    left = runs.batches_left(confirmed.id)
    db.session.rollback()
    with click.progressbar(left, label="Billing", file=sys.stderr) as batches:
        for batch_id in batches:
            with transaction():
                bill_batch(confirmed.id, batch_id)


def _print_preview(organization: Organization, schedule: AssessmentSchedule, period: BillingPeriod) -> None:
    seen = preview(organization, schedule, period, dated=organization.today)
    rows: list[tuple[object, ...]] = [
        ("would be invoiced", seen.billed.count, money.plain(seen.billed.total, organization.currency)),
        ("already invoiced", seen.already, ""),
    ]
    table(HEADER, [*rows, *((reason.value, count, "") for reason, count in sorted(seen.omitted.items()))])
    click.echo(f"To bill exactly this: --seen {seen.summary}", err=True)


def _print_outcome(organization: Organization, done: BillingRun) -> None:
    progress = done.progress()
    rows: list[tuple[object, ...]] = [
        ("invoiced", progress.invoiced, money.plain(progress.total, organization.currency)),
        ("already invoiced", progress.already, ""),
    ]
    table(HEADER, [*rows, *((reason.value, count, "") for reason, count in sorted(done.omissions().items()))])


def _schedule(name: str) -> AssessmentSchedule:
    found = schedules.named(name)
    if found is None:
        known = ", ".join(f"“{one.name}”" for one in AssessmentSchedule.here().all())
        raise Invalid(f"There is no schedule “{name}”. There are: {known}.")
    return found


def _period(code: str) -> BillingPeriod:
    found = BillingPeriod.here().first(BillingPeriod.code == code)
    if found is None:
        known = ", ".join(one.code for one in BillingPeriod.here().all(order_by=BillingPeriod.starts_on))
        raise Invalid(f"There is no period “{code}”. There are: {known or 'none yet'}.")
    return found


@billing.command("status-diagram")
def status_diagram() -> None:
    """Print how an invoice moves from status to status, as docs/invoice-status.md has it."""
    click.echo(drawn(), nl=False)
