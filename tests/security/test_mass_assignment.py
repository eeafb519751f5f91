"""A form or a program sends more than it was asked for: every column there is."""

import enum
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests.security.forms import Offered
from tests.security.tables import tables
from tests.services import Database
from tests.web.api.conftest import operations
from tests.web.api.test_policy import READABLE, asked, own_ids, speaking
from tests.web.world import ADMIN, MEMBER, TREASURER, World
from webapp.core import tenancy
from webapp.core.db import Base
from webapp.domain.organizations import Role, RoleName

__all__ = ["own_ids"]

SLIPPED_IN = {
    str: "slipped in",
    int: "987654321",
    Decimal: "98765.4321",
    UUID: "00000000-dead-4ead-8ead-00000000beef",
    date: "1987-06-05",
    datetime: "1987-06-05T04:03:02+00:00",
    bool: "true",
}
"""A value of each kind that is found again wherever it was stored."""
TRACES = ("slipped in", "987654321", "98765.4321", "00000000-dead-4ead", "1987-06-05")
PRIVILEGED = {"role": "national_admin", "state": "succeeded", "status": "paid"}


def every_column() -> dict[str, str]:
    columns = {}
    for table in Base.metadata.tables.values():
        for column in table.columns:
            kind = column.type.python_type
            if issubclass(kind, enum.Enum):
                columns[column.name] = next(iter(kind)).value
            else:
                columns[column.name] = SLIPPED_IN.get(kind, "slipped in")
    return columns | PRIVILEGED


def traces(database: Database) -> list[str]:
    return [f"{trace} in {name}" for name, rows in tables(database) for trace in TRACES if trace in rows]


def officers(world: World) -> set[tuple[Any, Any]]:
    with tenancy.acting_for(world.organization.id):
        return {(role.login_id, role.role) for role in Role.here().all()}


def test_the_columns_are_those_of_all_tables() -> None:
    columns = every_column()
    assert len(columns) > 150
    assert {"organization_id", "role", "paid", "owed", "is_live", "password_hash", "chapter_id"} <= set(
        columns
    )


@pytest.mark.case("A3")
@pytest.mark.parametrize("who", [ADMIN, TREASURER, MEMBER])
def test_no_form_stores_a_field_that_it_does_not_have(
    client: FlaskClient, world: World, database: Database, offered: Offered, who: str
) -> None:
    before, columns, sent = officers(world), every_column(), 0

    for form in offered(who, "national", "treasurers", "members", "account"):
        answer = client.post(form.action, data=columns | form.fields)
        assert answer.status_code < 500, form.action
        sent += 1

    assert sent >= {ADMIN: 40, TREASURER: 8, MEMBER: 3}[who]
    assert traces(database) == []
    assert officers(world) <= before


@pytest.mark.case("A3")
def test_a_program_that_sends_a_column_is_told_that_there_is_no_such_field(
    client: FlaskClient, world: World, database: Database, own_ids: dict[str, Any]
) -> None:
    officer, member = (speaking(client, world, role) for role in (RoleName.NATIONAL_ADMIN, RoleName.MEMBER))
    for one in operations():
        if not one.takes:
            continue
        unknown = {name: text for name, text in every_column().items() if name not in one.takes.fields}
        program = officer if RoleName.NATIONAL_ADMIN in one.allowed else member
        answer = program.send(one.method, asked(one, own_ids), READABLE.get(one.name, {}) | unknown)
        assert answer.status_code == 422, f"{one.name}: {answer.text}"
        assert set(unknown) <= set(answer.json["errors"]), one.name
    assert traces(database) == []
