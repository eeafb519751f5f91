"""The whole database as text, to see what an attack has changed."""

from collections.abc import Iterator

import psycopg

from tests.services import Database


def tables(database: Database) -> Iterator[tuple[str, str]]:
    """Each table's name, and its rows in some fixed order."""
    with psycopg.connect(database.superuser_url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in names:
            rows = connection.execute(f'SELECT t::text FROM "{name}" t ORDER BY 1').fetchall()
            yield name, "\n".join(row[0] for row in rows)


def lasting(database: Database) -> dict[str, str]:
    """What only an action changes: not when a session was last used, nor which forms were sent."""
    passing = {"login_sessions", "request_keys", "signs_of_life"}
    return {name: rows for name, rows in tables(database) if name not in passing}
