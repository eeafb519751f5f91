"""The rows of a batch on a page: those of the grid, and those that were posted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import request
from sqlalchemy import ColumnElement
from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.domain.organizations import Member
from webapp.domain.payments import batch_lines
from webapp.domain.payments.batches import ReceiptBatch, ReceiptLine
from webapp.domain.payments.payment import Payment

AT_A_TIME = 100
FIRST_ROWS, SPARE_ROWS = 12, 5
_MOST_OFFERED = 500


@dataclass(frozen=True)
class Grid:
    """`places` are the positions on this page, a line in some of them; the next page starts at `later`."""

    places: Sequence[int]
    lines: Mapping[int, ReceiptLine]
    suggestions: Mapping[int, Sequence[Member]]
    first: int
    later: int | None


def grid(batch: ReceiptBatch) -> Grid:
    """A hundred positions from `?first=`, with empty rows to go on typing; or only lines with a problem."""
    first = max(request.args.get("first", 1, type=int), 1)
    mine = ReceiptLine.batch_id == batch.id, ReceiptLine.position >= first
    if request.args.get("show") == "problems":
        found = _lines(*mine, ReceiptLine.problem.is_not(None))
        places = [line.position for line in found[:AT_A_TIME]]
        later = found[AT_A_TIME].position if len(found) > AT_A_TIME else None
    else:
        found = _lines(*mine)
        last = found[-1].position if found else first - 1
        later = first + AT_A_TIME if last >= first + AT_A_TIME else None
        wanted = max(last + SPARE_ROWS, first - 1 + max(FIRST_ROWS, request.args.get("rows", 0, type=int)))
        places = list(range(first, min(wanted, first - 1 + AT_A_TIME) + 1))
    shown = {line.position: line for line in found if line.position in set(places)}
    return Grid(places, shown, batch_lines.suggestions(batch, list(shown.values())), first, later)


def _lines(*conditions: ColumnElement[bool]) -> Sequence[ReceiptLine]:
    statement = ReceiptLine.here().select(*conditions).options(joinedload(ReceiptLine.member))
    return db.session.scalars(statement.order_by(ReceiptLine.position).limit(AT_A_TIME + 1)).all()


def members_offered(batch: ReceiptBatch) -> Sequence[Member]:
    """For the browser's own completion; the national office types numbers."""
    if batch.chapter_id is None:
        return []
    mine = Member.here().select(Member.chapter_id == batch.chapter_id)
    return db.session.scalars(mine.order_by(Member.last_name, Member.first_name).limit(_MOST_OFFERED)).all()


def posted(batch: ReceiptBatch) -> tuple[Sequence[tuple[ReceiptLine, Payment]], int | None]:
    """A hundred lines with their payments, and where the next start."""
    after = request.args.get("after", 0, type=int)
    lines = _lines(ReceiptLine.batch_id == batch.id, ReceiptLine.position > after)
    shown = lines[:AT_A_TIME]
    payments = _payments([line.id for line in shown])
    rows = [(line, payments[line.id]) for line in shown]
    return rows, shown[-1].position if len(lines) > AT_A_TIME else None


def _payments(line_ids: Sequence[UUID]) -> dict[UUID | None, Payment]:
    found = Payment.here().all(Payment.receipt_line_id.in_(line_ids))
    return {payment.receipt_line_id: payment for payment in found}
