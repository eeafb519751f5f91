"""A gate in the database: whoever is about to write a chosen row stands before it until it opens."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.faults.bulk_worker import until
from tests.services import Database
from webapp.core.db import db

KEY = 3_003
_BUILD = f"""
CREATE SEQUENCE rows_at_the_gate MINVALUE -1000000000 START 1;
CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF nextval('rows_at_the_gate') = 0 THEN
        PERFORM pg_advisory_xact_lock_shared({KEY});
    END IF;
    RETURN NEW;
END $$;
DO $$
DECLARE written regclass;
BEGIN
    FOR written IN SELECT oid FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        AND relname NOT IN ('alembic_version', 'signs_of_life')
    LOOP
        EXECUTE format(
            'CREATE TRIGGER gate BEFORE INSERT OR UPDATE %s ON %s'
            ' FOR EACH ROW EXECUTE FUNCTION wait_at_the_gate()',
            CASE WHEN written = 'outbox'::regclass THEN 'OF state' END, written);
    END LOOP;
END $$;
"""
"""What the sweeper notes, that it was there and what it has sent, passes by."""


class Gate:
    """Counts every row that is written, whatever the table. It is open until it is told where to close."""

    def __init__(self, keeper: psycopg.Connection) -> None:
        self._keeper = keeper

    def close_at(self, row: int) -> None:
        """For whoever writes the so many-th from now on."""
        self._keeper.execute("SELECT pg_advisory_lock(%s)", [KEY])
        self._keeper.execute("SELECT setval('rows_at_the_gate', %s, false)", [1 - row])

    def waiting(self) -> list[int]:
        """The connections that stand before it, by the process ids of their backends."""
        found = self._keeper.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [KEY],
        )
        return [pid for (pid,) in found]

    def open_to_the_dead(self) -> None:
        """Until PostgreSQL has noticed that nobody is there any more for whom it goes on."""
        dead = self.waiting()
        self._keeper.execute("SELECT pg_advisory_unlock_all()")
        left = "SELECT FROM pg_stat_activity WHERE pid = ANY(%s)"
        until(lambda: not self._keeper.execute(left, [dead]).rowcount)

    def count_from_here(self) -> None:
        self._keeper.execute("SELECT setval('rows_at_the_gate', 1, false)")

    def counted(self) -> int:
        counted = self._keeper.execute("SELECT nextval('rows_at_the_gate') - 1").fetchone()
        assert counted is not None
        return int(counted[0])


@contextmanager
def gate_in(database: Database) -> Iterator[Gate]:
    with psycopg.connect(database.superuser_url, autocommit=True) as keeper:
        keeper.execute("SET lock_timeout = '30s'")
        keeper.execute(_BUILD)
        try:
            yield Gate(keeper)
        finally:
            db.session.rollback()  # whoever has only read keeps a table from being changed
            keeper.execute("SELECT pg_advisory_unlock_all()")
            keeper.execute("DROP FUNCTION wait_at_the_gate CASCADE")
            keeper.execute("DROP SEQUENCE rows_at_the_gate")
