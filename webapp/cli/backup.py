"""`flask duesbook backup`, `restore`, `heal`: a copy of everything, and the way back to the present."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click
from flask import Flask

from webapp import wiring
from webapp.adapters import backup as files
from webapp.adapters import schema
from webapp.cli.output import says_why, table
from webapp.cli.running import duesbook
from webapp.core import money, signs, tenancy
from webapp.core.db import db, transaction
from webapp.core.signs import Sign
from webapp.domain.reporting.verification.books import verify_and_note
from webapp.workers import healing
from webapp.workers.healing import Healed


def register(_: Flask) -> None:
    for command in (backup, restore, heal):
        duesbook.add_command(command)


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
def backup(target: Path) -> None:
    """Write the whole database to a file, or into a folder under a name that says when."""
    settings = wiring.settings()
    made_at = datetime.now(UTC)
    file = target / f"duesbook-{made_at:%Y-%m-%dT%H%M%SZ}.dump" if target.is_dir() else target
    try:
        files.write(settings.backup_database_url or settings.owner_url, file)
    except files.BackupError as error:
        raise click.ClickException(str(error)) from error
    with transaction():
        signs.give(Sign.BACKUP)
    click.echo(f"{file}\t{file.stat().st_size}")
    click.echo(
        "Not in it, and needed with it: CREDENTIAL_KEYS and SECRET_KEY. Keep them elsewhere.", err=True
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Throw away what is in the database now.")
@says_why
def restore(file: Path, replace: bool) -> None:
    """Put a backup in the place of the database, and bring back from the processors what came since."""
    owner_url = wiring.settings().owner_url
    db.session.remove()
    db.engine.dispose()
    try:
        files.check(file)
        _refuse_unless_free(owner_url, replace=replace)
        files.restore(owner_url, file)
    except files.BackupError as error:
        raise click.ClickException(str(error)) from error
    schema.upgrade(owner_url)
    healing.set_past_aside()
    click.echo(f"{file.name} is restored. Nothing of the past is sent again.", err=True)
    _bring_back()


@click.command()
@says_why
def heal() -> None:
    """Bring back from the processors what the database does not know; as often as you like."""
    _bring_back()


def _refuse_unless_free(owner_url: str, *, replace: bool) -> None:
    if not replace and not files.is_empty(owner_url):
        raise click.ClickException("The database is not empty. Say --replace to throw away what is in it.")
    if others := files.in_use(owner_url):
        raise click.ClickException(
            f"The database is in use ({others} connections). Stop web, workers and scheduler first."
        )


def _bring_back() -> None:
    healed = list(healing.heal_all())
    table(
        ["organization", "payment", "amount", "state"],
        [
            (
                one.organization.slug,
                payment.id,
                money.plain(payment.amount, payment.currency),
                payment.state.value,
            )
            for one in healed
            for payment in one.found
        ],
    )
    problems = [f"{one.organization.slug}: {problem}" for one in healed for problem in one.problems]
    problems += list(_differences(healed))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise SystemExit(1)
    click.echo("The books of every organization agree.", err=True)


def _differences(healed: Iterable[Healed]) -> Iterable[str]:
    for one in healed:
        with tenancy.acting_for(one.organization.id), transaction():
            found = verify_and_note(one.organization)
            if found.differences:
                where = f"{one.organization.slug}: the books differ in {found.differences} places"
                yield f"{where}. {found.first}"
