"""Statements straight to the driver, past what SQLAlchemy does around each one.

For the few that come with every page, every payment and every letter, where it would show. They are written
for the driver (`statements.ready`), and nobody listens for them. What fails, fails in SQLAlchemy's words,
which whoever looks after failures knows.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy import Connection, PoolProxiedConnection
from sqlalchemy.exc import DBAPIError

Answer = Sequence[Any] | None
"""The first row, if there is one."""
ASIDE = {"aside": True}
"""Options of a statement that has to do with no row: what waits to be written may wait on."""


def inside(connection: Connection, text: str, values: Sequence[Any]) -> Answer:
    """In the transaction of this connection. SQLAlchemy has to find out by itself that one died, for then it
    lets go of all that may have died with it.
    """
    driver = _driver(connection.connection)
    try:
        return send(driver, text, values)
    except psycopg.Error as error:
        if driver.closed:
            connection.exec_driver_sql(text, tuple(values), execution_options=ASIDE)
        raise in_known_words(error, text) from error


def alone(connection: PoolProxiedConnection, text: str, values: Sequence[Any]) -> Answer:
    """As a transaction of its own, after which the connection goes back to the others. One on which it failed
    does not, whatever it was.
    """
    driver = _driver(connection)
    try:
        driver.autocommit = True
        answer = send(driver, text, values)
        driver.autocommit = False
    except BaseException as error:
        connection.invalidate(error)
        raise
    connection.close()
    return answer


def send(driver: psycopg.Connection[Any], text: str, values: Sequence[Any]) -> Answer:
    answer: Answer = driver.execute(text, values).fetchone()
    return answer


def _driver(connection: PoolProxiedConnection) -> psycopg.Connection[Any]:
    driver = connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def in_known_words(error: psycopg.Error, text: str | None = None) -> BaseException:
    return DBAPIError.instance(text, None, error, psycopg.Error)
