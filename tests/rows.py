"""The rows of the tests' database: deleted after each test, and put back where many begin with the same."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg

LARGE_TABLE = 1_000_000  # bytes, from where on the space of deleted rows is won back


@contextmanager
def past_triggers(superuser_url: str) -> Iterator[psycopg.Connection]:
    """The owner can't delete what is append-only, so the triggers sleep for this connection."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


def empty(connection: psycopg.Connection) -> None:
    """To delete the few rows of a test is far faster than to truncate every table."""
    written = _written(connection)
    connection.execute("; ".join(f"DELETE FROM {table}" for table in written))
    for table, size in written.items():
        if size > LARGE_TABLE:
            connection.execute(f"VACUUM {table}")


def kept(connection: psycopg.Connection) -> dict[str, bytes]:
    """What every table holds now."""
    found = {}
    for table in _written(connection):
        with connection.cursor().copy(f"COPY {table} TO STDOUT") as rows:
            found[table] = b"".join(bytes(part) for part in rows)
    return found


def put_back(connection: psycopg.Connection, found: Mapping[str, bytes]) -> None:
    """Beside whatever there is by now."""
    with connection.transaction():
        for table, rows in found.items():
            with connection.cursor().copy(f"COPY {table} FROM STDIN") as writing:
                writing.write(rows)


def _written(connection: psycopg.Connection) -> dict[str, int]:
    """Tables that are more than nothing on the disk, and their bytes."""
    found = connection.execute(
        "SELECT oid::regclass::text, pg_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
        " AND pg_relation_size(oid) > 0"
    )
    return dict(found.fetchall())
