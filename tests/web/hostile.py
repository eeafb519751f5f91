"""A world whose every text was written by somebody who means harm."""

import psycopg
from psycopg import sql

from tests.services import Database

MARK = "xssprobe"
PAYLOAD = (
    f"'\"--></title></textarea></option><{MARK} onload=alert(1) hx-get=/sign-out>"
    f'<img src=x onerror=alert(1)><script>alert(1)</script>" {MARK}=1 hx-on:load=alert(1) {{{{7**29}}}}'
)
"""Out of an attribute in either kind of quotes, out of an element, and into a template."""
CARRIED_OUT = str(7**29)
"""What a template would make of it: too long to stand in a random id by chance."""
TARGETS = ("javascript:alert(1)", "data:text/html,<script>alert(1)</script>")

_ORDERS = {
    "slug", "code", "currency", "timezone", "locale", "token_hash", "password_hash", "signature_hash",
    "secret", "secret_key", "webhook_secret", "name_key", "header_key", "key", "scope", "fingerprint",
    "queue", "once", "version_num", "table_name", "kind", "event", "content_hash",
    "outbox_jobs.name",
}  # fmt: skip
"""What the application orders itself by; nobody types it."""


def sow(database: Database, text: str = PAYLOAD, *, but: frozenset[str] = frozenset()) -> list[str]:
    """Put it into every text that the database lets anybody write; which those were."""
    sown = []
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for table, column, longest in connection.execute(
            "SELECT table_name, column_name, character_maximum_length FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type IN ('text', 'character varying')"
            " AND is_generated = 'NEVER' ORDER BY 1, 2"
        ).fetchall():
            if not {column, f"{table}.{column}"}.isdisjoint(_ORDERS | but):
                continue
            if _written(connection, table, column, text[: longest - 6 if longest else None]):
                sown.append(f"{table}.{column}")
    return sown


def _written(
    connection: "psycopg.Connection[tuple[object, ...]]", table: str, column: str, text: str
) -> bool:
    """With a number behind it, so that what has to be unique stays so."""
    update = sql.SQL(
        "UPDATE {table} SET {column} = %s || numbered.place_in_line"
        " FROM (SELECT ctid AS place, row_number() OVER () AS place_in_line FROM {table}) numbered"
        " WHERE {table}.ctid = numbered.place AND {table}.{column} IS NOT NULL"
    ).format(table=sql.Identifier(table), column=sql.Identifier(column))
    try:
        return connection.execute(update, [text]).rowcount > 0
    except (psycopg.IntegrityError, psycopg.DataError):
        return False
