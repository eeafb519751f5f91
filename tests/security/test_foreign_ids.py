"""Forms in which the ids of rows are changed for those of another organization."""

from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests.security.forms import Offered, OfferedForm
from tests.security.tables import tables
from tests.services import Database
from tests.statements import gives_away
from tests.web.world import ADMIN, TREASURER, World

KINDS = ("chapter", "status", "period", "schedule", "member", "invoice", "payment", "run", "login")
CALLED = {"login": ("to",), "invoice": ("invoice", "invoice_ids")}
NO_IDS = ("form_key", "seen")
"""What looks like an id and names no row: a key of the form, and the digest of a preview."""


def with_foreign_ids(form: OfferedForm, elsewhere: World) -> dict[str, str]:
    """Every field that holds a row's id, or may hold one, with theirs of the same kind."""
    return {
        name: str(elsewhere.ids[f"{kind}_id"])
        for name, value in form.fields.items()
        for kind in KINDS
        if name == f"{kind}_id" or (name in CALLED.get(kind, (kind,)) and (is_id(value) or not value))
    }


def is_id(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


@pytest.mark.case("A1", "A3")
@pytest.mark.parametrize("who", [ADMIN, TREASURER])
def test_no_form_takes_an_id_of_another_organization(
    client: FlaskClient, world: World, elsewhere: World, database: Database, offered: Offered, who: str
) -> None:
    taken, tried, unknown = [], 0, []
    for form in offered(who, "national", "treasurers"):
        foreign = with_foreign_ids(form, elsewhere)
        unknown += [
            f"{form.action} {name}"
            for name, value in form.fields.items()
            if is_id(value) and name not in foreign and name not in NO_IDS
        ]
        for name, value in foreign.items():
            tried += 1
            answer = client.post(form.action, data=form.fields | {name: value})
            if answer.status_code not in (404, 409, 422):
                taken.append(f"{answer.status_code} {form.action} {name}")

            def send(row_id: UUID, form: OfferedForm = form, name: str = name) -> Any:
                return client.post(form.action, data=form.fields | {name: str(row_id)})

            taken += [f"{form.action} {name}: {told}" for told in gives_away(send, UUID(value))]

    assert unknown == [], "KINDS does not know these ids"
    assert taken == [] and tried >= {ADMIN: 6, TREASURER: 1}[who]
    assert mixed(database, world, elsewhere) == []


def mixed(database: Database, world: World, elsewhere: World) -> list[str]:
    """Rows of ours that name something of theirs."""
    theirs = [str(value) for value in elsewhere.ids.values() if isinstance(value, UUID)]
    ours = str(world.organization.id)
    return [
        f"{name}: {row}"
        for name, rows in tables(database)
        for row in rows.splitlines()
        if ours in row and any(one in row for one in theirs)
    ]
