"""Many rows of one kind at once, added or changed by one statement; or they never leave the database, and
wait in a working table for what is done with all of them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Column,
    MetaData,
    Select,
    Table,
    Uuid,
    cast,
    column,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from webapp.core import documents, tenancy
from webapp.core.db import Base, OrganizationRow, db
from webapp.core.documents import Rows


def insert_rows(kind: type[OrganizationRow], rows: Rows) -> None:
    """All of them name the same columns; the organization is filled in."""
    if not rows:
        return
    table = Base.metadata.tables[kind.__tablename__]
    here = {"organization_id": tenancy.organization_id()}
    names = [*here, *rows[0]]
    read = documents.read(literal(documents.written([{**here, **row} for row in rows])), table, names)
    db.session.connection().execute(insert(table).from_select(names, select(*read.c)))


def patch_rows(kind: type[OrganizationRow], patches: Rows) -> None:
    """Each names its row's `id` and the columns that change; the others keep what they hold."""
    columns = sorted({name for patch in patches for name in patch if name != "id"})
    if not columns:
        return
    table = Base.metadata.tables[kind.__tablename__]
    old = table.alias("old")
    sent: Any = func.jsonb_array_elements(cast(literal(documents.written(patches)), JSONB)).table_valued(
        column("value", JSONB)
    )
    record = func.jsonb_populate_record(old.table_valued(), sent.c.value)
    changed = record.table_valued(*(column(name, table.c[name].type) for name in columns)).lateral("changed")
    here = tenancy.organization_id()
    patched = (
        select(old.c.id, *(changed.c[name] for name in columns))
        .select_from(sent)
        .join(old, old.c.id == cast(sent.c.value["id"].astext, Uuid))
        .join(changed, literal(True))
        .where(old.c.organization_id == here)
        .subquery("patched")
    )
    db.session.connection().execute(
        update(table)
        .where(table.c.organization_id == here, table.c.id == patched.c.id)
        .values({name: patched.c[name] for name in columns})
    )


def working_table(name: str, *columns: Column[Any]) -> Table:
    """One that exists in a transaction only, from `fill` on."""
    return Table(name, MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


def fill(table: Table, names: Sequence[str], rows: Select[Any]) -> None:
    """Put these rows alone into it, their columns in the order of the names. Whatever joins it afterwards is
    planned for as many as there are."""
    connection = db.session.connection()
    connection.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table.name}"))
    table.create(connection, checkfirst=False)
    connection.execute(insert(table).from_select(names, rows))
    connection.execute(text(f"ANALYZE {table.name}"))
