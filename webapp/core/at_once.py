"""A question that is a transaction of its own, straight to the driver.

For what comes so often that all that stands around a question would cost more than the work: no session, no
hooks, no beginning and no commit. It happens or it does not, as any single statement does.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import PoolProxiedConnection, Select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from webapp.core import failpoints, tenancy
from webapp.core.db import db


def ask(organization: UUID, question: Select[*tuple[Any, ...]], **values: Any) -> Sequence[Any] | None:
    """The answer's first row. The question begins with `tenancy.TOLD`, and tells by it for whom we act; where
    that would not do, a usual transaction is told before.
    """
    engine = db.engine
    failpoints.passing("commit")
    answer = _alone(engine, organization, question, values)
    failpoints.passing("committed")
    return answer


def _alone(
    engine: Engine, organization: UUID, question: Select[*tuple[Any, ...]], values: dict[str, Any]
) -> Sequence[Any] | None:
    try:
        connection = engine.raw_connection()
        if tenancy.tells_all_by_asking(connection.info):
            return send(connection, *tenancy.as_sent(organization, question, values, engine.dialect))
        connection.close()
    except psycopg.Error as error:
        raise _in_the_engines_words(engine, error) from error
    with engine.begin() as told_before:
        return tenancy.ask_inside(told_before, organization, question, **values)


def send(connection: PoolProxiedConnection, text: str, values: Sequence[Any]) -> Sequence[Any] | None:
    """A connection that failed does not go back to the others, whatever it was."""
    driver = connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    try:
        driver.autocommit = True
        answer: Sequence[Any] | None = driver.execute(text, values).fetchone()
        driver.autocommit = False
    except BaseException as error:
        connection.invalidate(error)
        raise
    connection.close()
    return answer


def _in_the_engines_words(engine: Engine, error: psycopg.Error) -> DBAPIError:
    """What everybody else hears of such a failure, and knows what to do about."""
    said = DBAPIError.instance(None, None, error, psycopg.Error, dialect=engine.dialect)
    assert isinstance(said, DBAPIError)
    return said
