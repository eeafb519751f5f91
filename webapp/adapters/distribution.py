"""What Citus has to be told to spread the database over machines: by organization, and which tables not."""

import re
from collections.abc import Iterator

from sqlalchemy import Connection, MetaData, Table, text

KEY = "organization_id"
_POLICIES = text(
    "SELECT tablename, policyname, qual, with_check FROM pg_policies WHERE schemaname = 'public'"
    " ORDER BY tablename, policyname"
)
_SUBQUERY = re.compile(r'\( SELECT (.+?) AS "?\w+"?\)')


def statements(connection: Connection, models: MetaData) -> Iterator[str]:
    """In this order on the coordinator, by the tables' owner. What is referred to goes first."""
    yield from _plain_policies(connection)
    shared = [table for table in models.sorted_tables if not is_spread(table)]
    spread = [table for table in models.sorted_tables if is_spread(table)]
    everywhere = {key.referred_table for table in spread for key in table.foreign_key_constraints}
    for table in shared:
        if table in everywhere:
            yield f"SELECT create_reference_table('{table.name}');"
        else:
            yield f"-- {table.name} stays on the coordinator"
    for table in spread:
        yield f"SELECT create_distributed_table('{table.name}', '{KEY}');"


def is_spread(table: Table) -> bool:
    return KEY in table.primary_key.columns


def _plain_policies(connection: Connection) -> Iterator[str]:
    """Citus takes no policy with a subquery. Ours have one only so that it is evaluated once."""
    for table, name, seen, written in connection.execute(_POLICIES):
        changed = f"ALTER POLICY {name} ON {table} USING ({_plain(seen)})"
        yield changed + (f" WITH CHECK ({_plain(written)});" if written else ";")


def _plain(condition: str) -> str:
    return _SUBQUERY.sub(r"(\1)", condition)
