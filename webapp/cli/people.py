"""Letting people and programs in."""

import click
from flask import Flask

from webapp import wiring
from webapp.cli.output import organization_named, says_why
from webapp.core.audit import record
from webapp.core.db import transaction
from webapp.domain.organizations import (
    Chapter,
    Login,
    Role,
    RoleName,
    invitations,
    second_factor,
    sessions,
    tokens,
)

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


@people.command(
    "reset-factor", help="Let somebody who lost their telephone or key sign in with the password."
)
@click.argument("org")
@click.argument("email")
@click.option("--reason", default="At the operator's command", show_default=True, help="For the audit trail.")
@says_why
def reset_factor(org: str, email: str, reason: str) -> None:
    with organization_named(org), transaction():
        login = _person(email)
        second_factor.reset(login, by=None, reason=reason)
    click.echo(f"{login.name} signs in with the password alone and sets up a second step again.")


@people.command("sign-out", help="End every session of somebody, wherever they are signed in.")
@click.argument("org")
@click.argument("email")
@click.option("--reason", default="At the operator's command", show_default=True, help="For the audit trail.")
@says_why
def sign_out(org: str, email: str, reason: str) -> None:
    with organization_named(org), transaction():
        login = _person(email)
        sessions.end_all(login)
        record("signed_out", login, by=None, reason=reason)
    click.echo(f"{login.name} is signed out everywhere.")


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


def _person(email: str) -> Login:
    """Locked. Somebody of the organization we act for."""
    login = Login.by_email(email, lock=True)
    if login is None or not Role.here().first(Role.login_id == login.id):
        raise click.ClickException(f"Nobody with the address “{email}” has a role here.")
    return login


def _chapter(code: str | None) -> Chapter | None:
    if code is None:
        return None
    found = Chapter.here().first(Chapter.code == code.upper())
    if found is None:
        raise click.ClickException(f"There is no chapter with the code “{code}”.")
    return found
