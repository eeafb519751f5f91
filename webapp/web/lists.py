"""What every list has: a bounded page by key, and the same rows as CSV that no spreadsheet executes."""

import csv
import io
import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any
from uuid import UUID

from flask import Response, request, stream_with_context
from sqlalchemy import Row, Select

from webapp.core import tenancy
from webapp.core.db import db

PAGE = 50
_DANGEROUS = re.compile(r"'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay numbers.

    Text that only looks as if it had got one gets it too, so that reading it back takes away the right one.
    """
    if not isinstance(value, str):
        return "" if value is None else value
    return f"'{value}" if _DANGEROUS.match(value) else value


def wants_csv() -> bool:
    return request.args.get("format") == "csv"


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
        if buffer.tell() > 32_768:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def stream_csv(file_name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """The list as a file."""
    return stream_file(file_name, csv_lines(header, rows), "text/csv")


def stream_rows(
    file_name: str, header: Sequence[str], found: Select[Any], as_row: Callable[[Any], Sequence[Any]]
) -> Response:
    """What a statement finds as a file; its rows are asked for while the file is written, some at a time."""
    return stream_csv(file_name, header, map(as_row, _some_at_a_time(found)))


def _some_at_a_time(found: Select[Any]) -> Iterator[Any]:
    """Models where it finds models, rows where it finds several columns."""
    rows = db.session.execute(found.execution_options(yield_per=500))
    yield from rows.scalars() if len(found.column_descriptions) == 1 else rows


def stream_file(file_name: str, lines: Iterator[str], mimetype: str) -> Response:
    """A file that is written while it is read: memory stays flat however long it is."""
    inside = _inside(tenancy.organization_id_or_none(), lines)
    response = Response(stream_with_context(inside), mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


def _inside(organization_id: UUID | None, lines: Iterator[str]) -> Iterator[str]:
    """The file is read when the request has left its organization already, and may take its time."""
    tenancy.enter(organization_id)
    yield from lines


def page_of(rows: Sequence[Any], size: int = PAGE) -> tuple[Sequence[Any], Any | None]:
    """Given one row more than a page holds: the page, and the last row to continue after, or None."""
    shown = _named(rows[:size])
    return shown, shown[-1] if len(rows) > size else None


_kind: Callable[[tuple[str, ...]], Any] = cache(partial(namedtuple, "Line", rename=True))


def _named(rows: Sequence[Any]) -> Sequence[Any]:
    """What a query chose, as tuples with names: templates read them six times as fast as its own rows."""
    if not rows or not isinstance(rows[0], Row):
        return rows
    return list(map(_kind(rows[0]._fields)._make, rows))
