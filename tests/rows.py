"""The rows of the tests' database: deleted after each test, and put back where many begin with the same."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg

LARGE_TABLE = 1_000_000  # bytes, from where on the space of deleted rows is won back


class Rows:
    """All rows of one database, whoever they belong to.

    The owner can't delete what is append-only, so the triggers sleep for this connection. It stays open, for
    whoever comes anew has to look up first what every table is.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        connection.execute("SET session_replication_role = replica")
        found = connection.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
        )
        tables = [table for (table,) in found]
        self._asking = " UNION ALL ".join(
            f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables
        )

    def filled(self) -> set[str]:
        """The tables that have a row."""
        return {table for (table,) in self._connection.execute(self._asking, prepare=True)}

    def empty(self) -> None:
        """To delete the few rows of a test is far faster than to truncate every table."""
        filled = sorted(self.filled())
        self._connection.execute("; ".join(f"DELETE FROM {table}" for table in filled))
        sizes = self._connection.execute(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE pg_relation_size(name::regclass) > %s",
            [filled, LARGE_TABLE],
        )
        for (table,) in sizes.fetchall():
            self._connection.execute(f"VACUUM {table}")

    def kept(self) -> dict[str, bytes]:
        """What every table holds now."""
        found = {}
        for table in sorted(self.filled()):
            with self._connection.cursor().copy(f"COPY {table} TO STDOUT") as rows:
                found[table] = b"".join(bytes(part) for part in rows)
        return found

    def put_back(self, found: Mapping[str, bytes]) -> None:
        """Beside whatever there is by now."""
        with self._connection.transaction():
            for table, rows in found.items():
                with self._connection.cursor().copy(f"COPY {table} FROM STDIN") as writing:
                    writing.write(rows)


@contextmanager
def rows_of(superuser_url: str) -> Iterator[Rows]:
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        yield Rows(connection)
