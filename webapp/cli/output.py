"""How commands print: tables for people, tab-separated lines for programs, one sentence for refusals."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import click

from webapp.core import tenancy
from webapp.core.errors import Invalid, Refusal
from webapp.domain.organizations import Organization

P = ParamSpec("P")
T = TypeVar("T")


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Aligned on a terminal, tab-separated elsewhere; the header goes to terminals only."""
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            click.echo("\t".join(row))
        return
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
    for row in [list(header), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def says_why(command: Callable[P, T]) -> Callable[P, T]:
    """A refusal of the domain becomes one sentence and exit status 1."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except Invalid as refusal:
            raise click.ClickException(" ".join([refusal.message, *refusal.fields.values()])) from refusal
        except Refusal as refusal:
            raise click.ClickException(refusal.message) from refusal

    return wrapped


@contextmanager
def organization_named(slug: str) -> Iterator[Organization]:
    """The organization with this slug; everything inside acts for it."""
    organization = Organization.by_slug(slug)
    if organization is None:
        raise click.ClickException(f"There is no organization “{slug}”.")
    with tenancy.acting_for(organization.id):
        yield organization
