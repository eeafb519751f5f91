"""Lists: newest first, a bounded page at a time, and a cursor that leads on without loss or repetition."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import request
from sqlalchemy import ColumnElement, Select

from webapp import wiring
from webapp.core.db import OrganizationRow, db
from webapp.core.errors import Invalid
from webapp.web.api.fields import Field, Shape, list_of, shape_in, text, whole
from webapp.web.api.inputs import Values
from webapp.web.lists import page_of

USUAL = 50
_CURSOR = r"^[A-Za-z0-9_-]{22}$"


def _cursor(value: str) -> UUID:
    try:
        return UUID(bytes=urlsafe_b64decode(value.strip() + "=="))
    except (ValueError, binascii.Error) as error:
        raise Invalid("Use a cursor as it was given.") from error


def listing(name: str, /, **filters: Field) -> Shape:
    """The parameters of a list."""
    cursor = text(
        "Where to go on: the next_cursor of the page before", "AZjyxHoQfD6dWy9qHotMcA", pattern=_CURSOR
    )
    return shape_in(
        name,
        **filters,
        cursor=Field(cursor.schema, _cursor),
        limit=whole(f"Rows per page, {USUAL} unless told", USUAL, least=1, most=200),
    )


PAGED = listing("Paging")


def pages_of(shape: Shape) -> Shape:
    """A page of these."""
    following = text("Cursor of the next page; null on the last one", "AZjyxHoQfD6dWy9qHotMcA").or_null()
    address = text("Address of the next page; null on the last one", "https://…", most=2000).or_null()
    return Shape(
        f"{shape.name}Page",
        {"data": list_of(shape, "Newest first"), "next_cursor": following, "next": address},
    )


def size_of(query: Values) -> int:
    size: int = query.get("limit", USUAL)
    return size


def page(
    statement: Select[Any],
    kind: type[OrganizationRow],
    query: Values,
    tell: Callable[[Any], dict[str, Any]],
    *conditions: ColumnElement[bool],
) -> dict[str, Any]:
    """The rows of the statement, newest first, from the query's cursor on."""
    found = statement.where(*conditions)
    if "cursor" in query:
        found = found.where(kind.id < query["cursor"])
    rows = db.session.scalars(found.order_by(kind.id.desc()).limit(size_of(query) + 1)).all()
    return paged(rows, query, tell)


def filtered(found: Select[Any], query: Values, columns: Mapping[str, str]) -> Select[Any]:
    """Only the rows that have what the query asks for; `columns` has the column of each filter."""
    return found.filter_by(**{column: query[name] for name, column in columns.items() if name in query})


def paged(rows: Sequence[Any], query: Values, tell: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Given one row more than the page holds: the page and the way on."""
    shown, last = page_of(rows, size_of(query))
    cursor = urlsafe_b64encode(last.id.bytes).decode().rstrip("=") if last is not None else None
    return {"data": [tell(row) for row in shown], "next_cursor": cursor, "next": address_of(cursor)}


def address_of(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    parameters = request.args.to_dict() | {"cursor": cursor}
    return f"{wiring.settings().public_url}{request.path}?{urlencode(parameters)}"
