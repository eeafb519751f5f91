"""`flask duesbook check`: is it working, for whoever runs the servers."""

from collections.abc import Iterator

import click
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from webapp import wiring
from webapp.cli.output import table
from webapp.cli.running import duesbook
from webapp.core import tenancy
from webapp.core.checkup import Line, Mark
from webapp.core.db import db
from webapp.domain.organizations import Organization
from webapp.domain.reporting import operation
from webapp.domain.reporting.verification import broken_seals


def register(_: Flask) -> None:
    duesbook.add_command(check)


@click.command(help="Is it working? Exit status 1 when somebody has to act.")
def check() -> None:
    try:
        rows = list(_everything())
    except OperationalError:
        raise click.ClickException(
            "The database does not answer. Start it, or correct DATABASE_URL."
        ) from None
    table(
        ["where", "what", "works", "how it stands", "what to do"],
        [(where, line.subject, line.mark.label, line.said, line.advice) for where, line in rows],
    )
    if any(line.mark is Mark.ACT for _, line in rows):
        raise SystemExit(1)


def _everything() -> Iterator[tuple[str, Line]]:
    for line in wiring.installation_checkup():
        yield "installation", line
    organizations = db.session.scalars(select(Organization).order_by(Organization.slug)).all()
    for organization in organizations:
        with tenancy.acting_for(organization.id):
            for line in wiring.organization_checkup(organization):
                yield organization.slug, line
            yield organization.slug, operation.sealed(broken_seals.inspect(), "Just now")
            db.session.rollback()
