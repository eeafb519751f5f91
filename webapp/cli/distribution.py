"""`flask duesbook distribution`: for a database that is spread over several machines."""

import click
from flask import Flask

from webapp.adapters.distribution import statements
from webapp.cli.running import duesbook
from webapp.core.db import Base, db


def register(_: Flask) -> None:
    duesbook.add_command(distribution)


@click.command(help="The SQL that spreads this database by organization, for Citus. Changes nothing itself.")
def distribution() -> None:
    for statement in statements(db.session.connection(), Base.metadata):
        click.echo(statement)
