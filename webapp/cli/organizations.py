"""`flask org` and `flask roster`: a new organization, and its members from a file."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import click
from flask import Flask
from flask.cli import AppGroup

from webapp import wiring
from webapp.cli.output import organization_named, says_why, table
from webapp.core.db import transaction
from webapp.domain.organizations import (
    ImportState,
    Organization,
    PaperSize,
    RosterImport,
    RosterImportRow,
    RowOutcome,
    roster_import,
    roster_undoing,
)
from webapp.domain.organizations.roster_columns import Field
from webapp.domain.organizations.roster_intake import Intake

org = AppGroup("org", help="Organizations.")
roster = AppGroup("roster", help="Members from a file.")


def register(app: Flask) -> None:
    app.cli.add_command(org)
    app.cli.add_command(roster)


@org.command("create")
@click.argument("name")
@click.option("--currency", required=True, help="USD, EUR, JPY …")
@click.option("--timezone", required=True, help="America/New_York, Europe/Berlin …")
@click.option("--admin", "admin_email", required=True, help="Who is invited as its first national admin.")
@click.option("--locale", default="en_US", show_default=True)
@click.option("--paper", type=click.Choice([size.value for size in PaperSize]))
@says_why
def create(
    name: str, *, currency: str, timezone: str, admin_email: str, locale: str, paper: str | None
) -> None:
    """A new organization with its chart of accounts; prints its slug."""
    with transaction():
        organization = wiring.found_organization(
            name,
            currency=currency,
            timezone=timezone,
            locale=locale,
            paper_size=PaperSize(paper) if paper else None,
            admin_email=admin_email,
            by=None,
        )
    click.echo(organization.slug)


@roster.command("import")
@click.argument("slug", metavar="ORG")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@click.option("--mapping", multiple=True, metavar="COLUMN=FIELD", help="What a column holds; repeatable.")
@click.option("--for-all", multiple=True, metavar="FIELD=TEXT", help="chapter_code or status of every row.")
@click.option("--new-status", multiple=True, help="Create this status; NAME:unbilled when it owes nothing.")
@click.option("--overwrite", is_flag=True, help="Let the file win over fields changed by hand.")
@says_why
def import_(
    slug: str,
    file: Path,
    *,
    dry_run: bool,
    mapping: Sequence[str],
    for_all: Sequence[str],
    new_status: Sequence[str],
    overwrite: bool,
) -> None:
    """Members in: prints created, updated, unchanged and refused, then each refused row with its reasons."""
    with organization_named(slug) as organization:
        with transaction():
            uploaded = roster_import.upload(file.name, file.read_bytes(), by=None)
            if notice := uploaded.file().notice:
                click.echo(notice, err=True)
            roster_import.use(
                uploaded,
                uploaded.plan.changed(
                    columns={heading: _field(name) for heading, name in map(_pair, mapping)},
                    fixed={_field(name): text for name, text in map(_pair, for_all)},
                    new_statuses={
                        name: not word for name, _, word in (text.partition(":") for text in new_status)
                    },
                    overwrite=overwrite,
                ),
            )
            if dry_run:
                roster_import.check(uploaded, organization, now=True)
            else:
                roster_import.start(uploaded, by=None, unseen=True, now=True)
        _go_through(uploaded, organization)
        _report(uploaded)


def _go_through(uploaded: RosterImport, organization: Organization) -> None:
    with transaction():
        intake = Intake(uploaded, organization)
    more = uploaded.is_at_work
    while more:
        with transaction():
            more = intake.go_on()
        if more:
            click.echo(f"{uploaded.done_rows:,} of {uploaded.total_rows:,} rows", err=True)


@roster.command("undo")
@click.argument("slug", metavar="ORG")
@click.argument("import_id", metavar="IMPORT", type=click.UUID)
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@says_why
def undo(slug: str, import_id: UUID, *, dry_run: bool) -> None:
    """Take an import back: prints how many rows became what, then each that could not be undone, and why."""
    with organization_named(slug):
        found = roster_import.find(import_id)
        if dry_run:
            roster_undoing.refuse_if_not_possible(found)
            counts = roster_undoing.preview(found)
        else:
            counts = _undone(found)
        table(["result", "rows"], sorted(counts.items()))
        table(["line", "member", "first name", "last name", "result", "reason"], _not_undone(found))


def _undone(found: RosterImport) -> dict[str, int]:
    with transaction():
        roster_undoing.request(roster_import.find(found.id, lock=True), by=None, now=True)
    more = True
    while more:
        with transaction():
            more = roster_undoing.go_on(found.id)
    return roster_import.find(found.id).undo_counts


def _not_undone(found: RosterImport) -> list[Sequence[str]]:
    return [(f"line {line}", *rest) for line, *rest in roster_undoing.not_undone(found)]


@roster.command("list")
@click.argument("slug", metavar="ORG")
@says_why
def list_(slug: str) -> None:
    """Imports, the latest first: the id is what `undo` wants."""
    with organization_named(slug):
        found = RosterImport.here().all(order_by=RosterImport.id.desc())
        rows = [(one.id, one.created_at.date(), one.state, one.total_rows, one.file_name) for one in found]
        table(["import", "on", "state", "rows", "file"], rows)


def _report(uploaded: RosterImport) -> None:
    """Four counts, then a line per refused row: line number, column, reason."""
    counts = uploaded.counts
    table(["result", "rows"], [(outcome.value, counts.get(outcome.value, 0)) for outcome in RowOutcome])
    refused = RosterImportRow.here().all(
        RosterImportRow.import_id == uploaded.id,
        RosterImportRow.outcome == RowOutcome.REFUSED,
        order_by=RosterImportRow.line,
    )
    table(
        ["line", "column", "reason"],
        [(f"line {row.line}", item["column"], item["reason"]) for row in refused for item in row.reasons],
    )
    if uploaded.state is ImportState.FAILED:
        raise click.ClickException(uploaded.error or "The import failed.")


def _pair(text: str) -> tuple[str, str]:
    left, sign, right = text.rpartition("=")
    if not sign:
        raise click.ClickException(f"“{text}” needs an equals sign, like “Card No=number”.")
    return left.strip(), right.strip()


def _field(name: str) -> Field:
    if name not in set(Field):
        raise click.ClickException(f"“{name}” is no field. There are: {', '.join(Field)}.")
    return Field(name)
