"""The moment in which one transaction waits for another."""

import time

import psycopg

from tests.services import Database

WAITING = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'duesbook'"


def wait_until_somebody_waits(database: Database) -> None:
    until = time.monotonic() + 10
    with psycopg.connect(database.superuser_url, autocommit=True) as look:
        while not look.execute(WAITING).rowcount:
            assert time.monotonic() < until, "nobody waited for the change"
            time.sleep(0.01)
