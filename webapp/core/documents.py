"""Rows that travel as one JSON document, and the statement that writes several of them at once: PostgreSQL
gives every value the type of its column.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    CTE,
    JSON,
    ColumnElement,
    Function,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from webapp.core.db import Base, db
from webapp.core.statements import Ready, ready, written_out

Rows = Sequence[Mapping[str, Any]]
Shape = tuple[str, str, tuple[str, ...]]
"""What is done with the rows of one document (add, once, change), their table, and the columns they name."""

_KEY = ("organization_id", "id")


def written(rows: Rows) -> str:
    return to_json(rows, fallback=_left_to_the_database).decode()


def read(document: ColumnElement[str], table: Table, columns: Iterable[str], name: str | None = None) -> Any:
    """The rows of a document for this table, to select from."""
    blank: Any = literal_column(f"NULL::{table.name}")
    sent = func.json_populate_recordset(blank, cast(document, JSON))
    return sent.table_valued(*(column(one, table.c[one].type) for one in columns), name=name)


@lru_cache(maxsize=500)
def statement(shapes: tuple[Shape, ...], made: tuple[CTE, ...], last: tuple[CTE, ...]) -> Ready:
    """Selects the ids of what was made from other rows, and of what was to be added once and was new; and how
    many rows were changed.
    """
    parts = [_part(place, *shape) for place, shape in enumerate(shapes)]
    deeds = [(part, deed) for part, (deed, *_) in zip(parts, shapes, strict=True)]
    maybe = [*made, *(part for part, deed in deeds if deed == "once")]
    new = [select(func.array_agg(part.c.id)).scalar_subquery() for part in maybe]
    changed = [select(func.count(part.c.id)).scalar_subquery() for part, deed in deeds if deed == "change"]
    whole = select(*new, sum(changed, literal(0))).add_cte(*parts, *made, *last)
    return ready(written_out(whole), db.engine.dialect)


def _part(place: int, deed: str, table_name: str, columns: tuple[str, ...]) -> CTE:
    table, name = Base.metadata.tables[table_name], f"part_{place}"
    sent = read(bindparam(name, type_=Text()), table, columns, f"sent_{place}")
    if deed == "change":
        is_it = and_(table.c.organization_id == sent.c.organization_id, table.c.id == sent.c.id)
        changed = {one: sent.c[one] for one in columns if one not in _KEY}
        return update(table).where(is_it).values(changed).returning(table.c.id).cte(name)
    rows: Any = select(*(column(one) for one in columns)).select_from(sent)
    adding = insert(table).from_select(columns, rows, include_defaults=False)
    if deed == "once":
        adding = adding.on_conflict_do_nothing()
    return adding.returning(table.c.id).cte(name)


def _left_to_the_database(value: Any) -> str:
    assert isinstance(value, Function), f"{type(value).__name__} has no text of its own"
    assert value.name == "now", "Nothing else is left to the database"
    return "now"  # which PostgreSQL reads as the start of the transaction
