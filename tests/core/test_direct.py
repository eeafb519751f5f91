"""What goes past SQLAlchemy fails as if it had not."""

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DataError, OperationalError

from tests.services import Database
from webapp.core import direct, tenancy
from webapp.core.db import db, new_id, transaction


def test_all_connections_that_may_have_died_with_one_are_let_go(app: Flask, database: Database) -> None:
    db.engine.dispose()
    with db.engine.connect() as one, db.engine.connect() as other:
        died = [each.scalars(select(func.pg_backend_pid())).one() for each in (one, other)]
    database.end(*died)
    with tenancy.acting_for(new_id()):
        with pytest.raises(OperationalError) as failed, transaction() as session:
            session.execute(text("SELECT 1"))
        assert failed.value.connection_invalidated
        with transaction() as session:
            assert session.execute(text("SELECT 1")).scalar() == 1


def test_a_statement_that_is_refused_ends_as_any_other(app: Flask) -> None:
    with pytest.raises(DataError) as refused, transaction() as session:
        direct.inside(session.connection(), "SELECT 1 / $1::int", (0,))
    assert isinstance(refused.value.orig, psycopg.errors.DivisionByZero)
    with transaction() as session:
        assert direct.inside(session.connection(), "SELECT 6 / $1::int", (2,)) == (3,)
