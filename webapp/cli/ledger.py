"""`flask ledger`: whether the books agree, and the journal as a file."""

from collections.abc import Iterator
from datetime import datetime

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import select

from webapp.cli.output import organization_named, says_why, table
from webapp.core.db import db
from webapp.domain.ledger.export import CSV_HEADER, Format, Journal
from webapp.domain.organizations import Organization
from webapp.domain.reporting.verification import books as verification
from webapp.domain.reporting.verification import broken_seals
from webapp.domain.reporting.verification.seals import Seal
from webapp.web.lists import csv_lines

ledger = AppGroup("ledger", help="The books.")
_DAY = click.DateTime(["%Y-%m-%d"])


def register(app: Flask) -> None:
    app.cli.add_command(ledger)


@ledger.command("verify")
@click.argument("org", required=False)
@click.option("--all", "every", is_flag=True, help="Every organization.")
@says_why
def verify(org: str | None, every: bool) -> None:
    """Recompute every balance from documents and postings, and every seal; list what differs."""
    if (org is None) is not every:
        raise click.ClickException("Name one organization, or say --all.")
    rows = []
    for organization in _organizations(org):
        found = verification.verify(organization)
        rows += [(organization.slug, difference.sentence(organization.currency)) for difference in found]
        if not found:
            click.echo(f"The books of {organization.slug} agree.", err=True)
        inspection = broken_seals.inspect()
        if inspection.broken:
            rows.append((organization.slug, inspection.broken))
        elif latest := Seal.latest():
            click.echo(f"Its seals hold, up to {latest.number} {latest.fingerprint}", err=True)
    table(["organization", "difference"], rows)
    if rows:
        raise SystemExit(1)


def _organizations(slug: str | None) -> Iterator[Organization]:
    slugs = (
        [slug] if slug else db.session.scalars(select(Organization.slug).order_by(Organization.slug)).all()
    )
    for one in slugs:
        with organization_named(one) as organization:
            yield organization
            db.session.rollback()


@ledger.command("export")
@click.argument("org")
@click.option("--format", "form", type=click.Choice([form.value for form in Format]), required=True)
@click.option("--from", "since", type=_DAY, help="First day.")
@click.option("--to", "until", type=_DAY, help="Last day.")
@says_why
def export(org: str, form: str, since: datetime | None, until: datetime | None) -> None:
    """Print the journal in a form that accounting programs read."""
    with organization_named(org) as organization:
        journal = Journal(organization, since and since.date(), until and until.date())
        wanted = Format(form)
        pieces = csv_lines(CSV_HEADER, journal.csv_rows()) if wanted is Format.CSV else journal.text(wanted)
        for piece in pieces:
            click.echo(piece, nl=False)
