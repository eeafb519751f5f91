"""Everything the sandbox remembers, in one SQLite file (or in memory)."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from webapp.sandbox.specification import Json

TABLES = """
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    body TEXT NOT NULL,
    hidden TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
CREATE TABLE IF NOT EXISTS answers (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    created INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    account TEXT,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    params TEXT NOT NULL,
    idempotency_key TEXT,
    created INTEGER NOT NULL,
    status INTEGER,
    replayed INTEGER NOT NULL DEFAULT 0,
    fault TEXT);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS deliveries_of_event ON deliveries (event);
CREATE INDEX IF NOT EXISTS deliveries_in_state ON deliveries (state);
CREATE TABLE IF NOT EXISTS attempts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery INTEGER NOT NULL,
    created INTEGER NOT NULL,
    status INTEGER,
    detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS attempts_of_delivery ON attempts (delivery);
CREATE TABLE IF NOT EXISTS agenda (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    due REAL NOT NULL,
    account TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS agenda_by_time ON agenda (due);
CREATE TABLE IF NOT EXISTS settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL);
"""
EMPTY = """
DELETE FROM accounts; DELETE FROM objects; DELETE FROM answers; DELETE FROM requests; DELETE FROM deliveries;
DELETE FROM attempts; DELETE FROM agenda; DELETE FROM settings;
"""
SELECT = """
SELECT account, body, hidden FROM objects
WHERE kind = :kind AND (:account IS NULL OR account = :account)
  AND seq > :after AND seq < :before AND created BETWEEN :since AND :until
  AND NOT EXISTS (
    SELECT 1 FROM json_each(:matching) AS wanted
    WHERE coalesce(json_extract(body, '$.' || wanted.key), '')
      NOT IN (SELECT value FROM json_each(wanted.value)))
  AND (:delivered IS NULL OR :delivered = NOT EXISTS (
    SELECT 1 FROM deliveries WHERE event = objects.id AND state <> 'delivered'))
ORDER BY CASE WHEN :oldest_first THEN seq ELSE -seq END LIMIT :limit
"""
FOREVER = 2**62
Values = Sequence[Any] | dict[str, Any]


class Resource(Json):
    """One of Stripe's objects, plus what only the sandbox knows about it."""

    def __init__(self, body: Json, *, account: str, hidden: Json) -> None:
        super().__init__(body)
        self.account = account
        self.hidden = hidden

    @property
    def id(self) -> str:
        return str(self["id"])

    @property
    def kind(self) -> str:
        return str(self["object"])


class Store:
    """One connection behind one lock: requests take a millisecond, so waiting beats being clever."""

    def __init__(self, path: str | Path | None = None) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            str(path or ":memory:"), check_same_thread=False, isolation_level=None
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + TABLES)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def run(self, statement: str, values: Values = ()) -> int:
        """Carries out a statement; the number of the row it inserted."""
        with self._lock:
            return self._connection.execute(statement, values).lastrowid or 0

    def rows(self, statement: str, values: Values = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Values = ()) -> sqlite3.Row | None:
        return next(iter(self.rows(statement, values)), None)

    def empty(self) -> None:
        with self._lock:
            self._connection.executescript(EMPTY)

    def insert(self, resource: Resource) -> None:
        self.run(
            "INSERT INTO objects (id, account, kind, created, body, hidden) VALUES (?, ?, ?, ?, ?, ?)",
            (
                resource.id,
                resource.account,
                resource.kind,
                resource["created"],
                json.dumps(resource),
                json.dumps(resource.hidden),
            ),
        )

    def update(self, resource: Resource) -> None:
        self.run(
            "UPDATE objects SET body = ?, hidden = ? WHERE id = ?",
            (json.dumps(resource), json.dumps(resource.hidden), resource.id),
        )

    def find(self, object_id: str) -> Resource | None:
        row = self.row("SELECT account, body, hidden FROM objects WHERE id = ?", (object_id,))
        return _resource(row) if row else None

    def select(
        self,
        kind: str,
        *,
        account: str | None = None,
        matching: dict[str, list[Any]] | None = None,
        after: int = 0,
        before: int = FOREVER,
        since: int = 0,
        until: int = FOREVER,
        delivered: bool | None = None,
        oldest_first: bool = False,
        limit: int = -1,
    ) -> list[Resource]:
        """Objects whose fields hold one of the values in `matching`, newest first unless asked otherwise.

        `after` and `before` are places in the order of creation, `since` and `until` moments, included.
        """
        values = {
            "kind": kind,
            "account": account,
            "matching": json.dumps(matching or {}),
            "after": after,
            "before": before,
            "since": since,
            "until": until,
            "delivered": delivered,
            "oldest_first": oldest_first,
            "limit": limit,
        }
        return [_resource(row) for row in self.rows(SELECT, values)]

    def place(self, object_id: str) -> int:
        """Where in the order of creation it stands; 0 for an unknown one."""
        row = self.row("SELECT seq FROM objects WHERE id = ?", (object_id,))
        return int(row["seq"]) if row else 0


def _resource(row: sqlite3.Row) -> Resource:
    return Resource(json.loads(row["body"]), account=row["account"], hidden=json.loads(row["hidden"]))
