"""Letting people and programs in."""

import click
from flask import Flask

from webapp import wiring
from webapp.cli.output import organization_named, says_why
from webapp.core.db import transaction
from webapp.domain.organizations import Chapter, RoleName, invitations, tokens

_STAFF = click.Choice([role.value for role in RoleName if role is not RoleName.MEMBER])


def register(app: Flask) -> None:
    app.cli.add_command(people)
    app.cli.add_command(token_commands)


@click.group(help="People and what they may do.")
def people() -> None: ...


@people.command(help="Mail somebody an invitation to a role; prints its link.")
@click.argument("org")
@click.argument("email")
@click.option("--role", type=_STAFF, required=True)
@click.option("--chapter", metavar="CODE", help="For a treasurer.")
@says_why
def invite(org: str, email: str, role: str, chapter: str | None) -> None:
    settings = wiring.settings()
    with organization_named(org), transaction():
        made = invitations.invite(
            email, RoleName(role), chapter=_chapter(chapter), by=None, secret=settings.secret_key
        )
        token = invitations.token(made, settings.secret_key)
    click.echo(f"{settings.public_url}/o/{org}/invitations/{token}")


@click.group("tokens", help="Keys for programs that use the API.")
def token_commands() -> None: ...


@token_commands.command(help="Make a token; it is printed this once.")
@click.argument("org")
@click.option("--role", type=_STAFF, required=True)
@click.option("--chapter", metavar="CODE", help="For a treasurer.")
@click.option("--name", default="Command line", show_default=True, help="What it is for.")
@says_why
def create(org: str, role: str, chapter: str | None, name: str) -> None:
    with organization_named(org), transaction():
        _, text = tokens.create(name, RoleName(role), chapter=_chapter(chapter), by=None)
    click.echo(text)


def _chapter(code: str | None) -> Chapter | None:
    if code is None:
        return None
    found = Chapter.here().first(Chapter.code == code.upper())
    if found is None:
        raise click.ClickException(f"There is no chapter with the code “{code}”.")
    return found
