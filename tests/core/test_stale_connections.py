import time
from typing import Any

from flask import Flask
from sqlalchemy import text

from webapp.core.db import db
from webapp.core.stale_connections import TRUSTED_FOR


def connection_number() -> int:
    number: int = db.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    db.session.rollback()
    return number


def test_a_connection_that_died_in_the_pool_is_replaced_before_it_is_used(app: Flask, database: Any) -> None:
    died = connection_number()
    database.end(died)
    time.sleep(TRUSTED_FOR + 0.1)

    assert connection_number() != died


def test_a_connection_that_lives_is_used_again_after_a_while(app: Flask) -> None:
    db.engine.dispose()  # what tests with several threads have left in the pool would take turns
    known = connection_number()
    time.sleep(TRUSTED_FOR + 0.1)

    assert connection_number() == known
