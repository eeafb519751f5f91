"""The rows of the tests' database: deleted after each test, and put back where many begin with the same."""

from collections.abc import Mapping

import psycopg

LARGE_TABLE = 1_000_000  # bytes, from where on the space of deleted rows is won back


class Rows:
    """All rows of one database, whoever they belong to.

    The owner can't delete what is append-only, so the triggers sleep for its connection. It stays open, for
    whoever comes anew has to look up first what every table is.
    """

    def __init__(self, superuser_url: str) -> None:
        self._superuser_url = superuser_url
        self._kept_open: psycopg.Connection | None = None
        self._asking = ""

    @property
    def _connection(self) -> psycopg.Connection:
        if self._kept_open is None:
            self._kept_open = psycopg.connect(self._superuser_url, autocommit=True)
            self._kept_open.execute("SET session_replication_role = replica")
            self._asking = _asking_which_have_rows(self._kept_open)
        return self._kept_open

    def close(self) -> None:
        """Until the next use: for whoever wants to be alone in the database, or replaces it."""
        if self._kept_open is not None:
            self._kept_open.close()
            self._kept_open = None

    def filled(self) -> set[str]:
        """The tables that have a row."""
        connection = self._connection
        return {table for (table,) in connection.execute(self._asking, prepare=True)}

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

    def count_again(self) -> None:
        """As the database does by itself when many have come: it plans by how many it believes there are."""
        self._connection.execute(f"ANALYZE {', '.join(sorted(self.filled()))}")

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


def _asking_which_have_rows(connection: psycopg.Connection) -> str:
    found = connection.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
    )
    tables = [table for (table,) in found]
    return " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables)
