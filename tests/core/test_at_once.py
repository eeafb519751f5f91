"""A question that is a transaction of its own leaves the connection as the others expect it."""

import pytest
from flask import Flask
from sqlalchemy import String, bindparam, cast, func, select
from sqlalchemy.exc import DataError, OperationalError

from tests.services import Database
from webapp.core import at_once, tenancy
from webapp.core.db import db, new_id, transaction
from webapp.core.statements import shared
from webapp.domain.organizations import Organization

_HERE = func.current_setting("app.organization_id", True)
_WHO_AND_WHERE = shared(
    select(tenancy.TOLD.c.organization, func.pg_backend_pid(), func.txid_current()).select_from(tenancy.TOLD)
)
_DIVIDED = shared(
    select(tenancy.TOLD.c.organization, 1 / func.length(cast(bindparam("by"), String))).select_from(
        tenancy.TOLD
    )
)


@pytest.fixture(autouse=True)
def one_connection(app: Flask) -> None:
    """What tests with several threads have left in the pool would take turns."""
    db.session.remove()
    db.engine.dispose()


def test_it_tells_for_whom_we_act_and_nobody_after_it_hears_of_it(organization: Organization) -> None:
    here, connection, _ = at_once.ask(organization.id, _WHO_AND_WHERE) or ()
    assert here == str(organization.id)
    tenancy.leave()
    with db.engine.begin() as after:
        [(told, same)] = after.execute(select(_HERE, func.pg_backend_pid())).all()
    assert (told or "", same) == ("", connection)


def test_each_is_a_transaction_of_its_own(organization: Organization) -> None:
    transactions = [(at_once.ask(organization.id, _WHO_AND_WHERE) or ())[2] for _ in range(3)]
    assert len(set(transactions)) == 3


def test_whoever_has_the_connection_next_can_take_back_what_was_begun(organization: Organization) -> None:
    connection = (at_once.ask(organization.id, _WHO_AND_WHERE) or ())[1]
    name = organization.name
    with pytest.raises(LookupError), transaction() as session:
        assert session.scalar(select(func.pg_backend_pid())) == connection
        session.get_one(Organization, organization.id).name = "Never"
        session.flush()
        raise LookupError
    assert db.session.get_one(Organization, organization.id).name == name


def test_a_failure_is_said_in_the_words_that_everybody_else_hears(organization: Organization) -> None:
    failed_on = (at_once.ask(organization.id, _WHO_AND_WHERE) or ())[1]
    with pytest.raises(DataError):
        at_once.ask(organization.id, _DIVIDED, by="")
    assert (at_once.ask(organization.id, _WHO_AND_WHERE) or ())[1] != failed_on, "it is not used again"


def test_a_connection_that_died_fails_once(database: Database) -> None:
    died = (at_once.ask(new_id(), _WHO_AND_WHERE) or ())[1]
    database.end(died)
    with pytest.raises(OperationalError):
        at_once.ask(new_id(), _WHO_AND_WHERE)
    assert at_once.ask(new_id(), _WHO_AND_WHERE)
