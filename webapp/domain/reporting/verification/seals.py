"""Seals over what is written once: the audit trail and the books. Each seal holds the one before it.

Whoever changes, takes away or slips in a row behind the application's back disagrees with its seal. Rows are
sealed some hours after they were written, by a job, so that nobody waits for it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    LargeBinary,
    Text,
    UniqueConstraint,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.orm import InstrumentedAttribute, Mapped

from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import Base, OrganizationRow, db, new_id, references_organization
from webapp.domain.ledger.journal import JournalEntry, Posting, PostingDecision

SETTLED = timedelta(minutes=15)
"""Longer than anybody reads before the first row is written: requests and jobs have ended, or written."""
MOST = 50_000
"""So many rows of a table, or a few more, get one seal. It is made within a second or two."""


class Seal(OrganizationRow, Base):
    """Everything written before `until` that no earlier seal holds; the very first one holds nothing.

    `contents` tells for each table how many rows there are and the SHA-256 over theirs. `under_way` is the
    first transaction that had not begun at `noted_at`: once all before it have ended, nothing that was
    written by then can appear any more, and the next seal may go that far.
    """

    __tablename__ = "seals"

    number: Mapped[int]
    until: Mapped[datetime | None]
    contents: Mapped[dict[str, Any]]
    previous: Mapped[str]
    fingerprint: Mapped[str]
    noted_at: Mapped[datetime]
    under_way: Mapped[int]
    made_at: Mapped[datetime]

    __table_args__ = (references_organization(), UniqueConstraint("organization_id", "number"))

    @classmethod
    def latest(cls) -> "Seal | None":
        return db.session.scalars(cls.here().select().order_by(cls.number.desc()).limit(1)).first()

    @property
    def rows(self) -> int:
        return sum(int(held["rows"]) for held in self.contents.values())

    def computed_fingerprint(self) -> str:
        """SHA-256 over what it says and the fingerprint before it."""
        said = {
            "organization": str(tenancy.organization_id()),
            "number": self.number,
            "until": self.until and self.until.astimezone(UTC).isoformat(),
            "contents": self.contents,
            "previous": self.previous,
            "made_at": self.made_at.astimezone(UTC).isoformat(),
        }
        return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class _Book:
    """A table, and by which moment its rows are sealed: when the transaction that wrote them began."""

    kind: type[AuditEntry | PostingDecision | JournalEntry | Posting]
    moment: InstrumentedAttribute[datetime]

    @property
    def name(self) -> str:
        return str(self.kind.__tablename__)

    @property
    def source(self) -> FromClause:
        if self.kind is not Posting:
            return self.kind.__table__
        its = and_(
            JournalEntry.organization_id == Posting.organization_id, JournalEntry.id == Posting.entry_id
        )
        return Posting.__table__.join(JournalEntry.__table__, its)

    def after(self, since: datetime | None) -> ColumnElement[bool]:
        its = self.kind.organization_id == tenancy.organization_id()
        return its if since is None else and_(its, self.moment >= since)


BOOKS = (
    _Book(AuditEntry, AuditEntry.at),
    _Book(PostingDecision, PostingDecision.decided_at),
    _Book(JournalEntry, JournalEntry.posted_at),
    _Book(Posting, JournalEntry.posted_at),
)


def seal_next(*, settled: timedelta = SETTLED, most: int = MOST) -> bool:
    """Make the next seal, if something can be sealed by now. Whether that left some for another."""
    now, oldest, newest = db.session.execute(_NOW).one()
    last = Seal.latest()
    if last is None:
        _write(Seal(number=1, until=None, contents={}, previous="", noted_at=now, under_way=newest), now)
        return False
    reached = last.noted_at - settled
    if not _has_ended(last.under_way, oldest, newest) or (last.until and reached <= last.until):
        return False
    if not anything_after(last.until):
        return False
    until = min([reached, *_crowded(last.until, reached, most)])
    [contents] = contents_of([until], since=last.until)
    made = Seal(number=last.number + 1, until=until, contents=contents, previous=last.fingerprint)
    made.noted_at, made.under_way = (now, newest) if until == reached else (last.noted_at, last.under_way)
    _write(made, now)
    return until < reached


_NOW = text(
    "SELECT now(), pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
    " pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
)


def _has_ended(under_way: int, oldest: int, newest: int) -> bool:
    """Whether all transactions before this one have. A count that went back is another server's: after a
    restore nothing of then is under way here."""
    return oldest >= under_way or newest < under_way


def anything_after(since: datetime | None) -> bool:
    """Whether there are rows that no seal holds yet. Every posting has its entry."""
    its = [exists().where(book.after(since)) for book in BOOKS if book.kind is not Posting]
    return bool(db.session.scalar(select(or_(*its))))


def _crowded(since: datetime | None, until: datetime, most: int) -> Iterator[datetime]:
    """Where a seal ends earlier, since it would hold too much. What was written at once stays together."""
    for book in BOOKS:
        if book.kind is not Posting:
            its = book.after(since), book.moment < until
            moment = db.session.scalar(
                select(book.moment).where(*its).order_by(book.moment).offset(most).limit(1)
            )
            if moment is not None:
                yield moment + timedelta(microseconds=1)


def contents_of(untils: Sequence[datetime], *, since: datetime | None) -> list[Mapping[str, Any]]:
    """What each of these following seals holds by now, table by table."""
    for setting in _ONE_WAY_TO_WRITE:
        db.session.execute(setting)
    found: list[dict[str, Any]] = [
        {book.name: {"rows": 0, "sha256": sha256().hexdigest()} for book in BOOKS} for _ in untils
    ]
    for book in BOOKS:
        which = func.width_bucket(book.moment, literal(list(untils)))
        lines = func.string_agg(
            func.sha256(func.convert_to(_line(book), "UTF8")),
            aggregate_order_by(cast(literal(b""), LargeBinary), book.kind.id),
        )
        digests = (
            select(which, func.count(), func.encode(func.sha256(lines), "hex"))
            .select_from(book.source)
            .where(book.after(since), book.moment < untils[-1])
            .group_by(which)
        )
        for place, rows, digest in db.session.execute(digests):
            found[place][book.name] = {"rows": rows, "sha256": digest}
    return list(found)


_ONE_WAY_TO_WRITE = [
    text(f"SET LOCAL {setting}")
    for setting in ("TimeZone TO 'UTC'", "DateStyle TO 'ISO, YMD'", "work_mem TO '64MB'")
]


def _line(book: _Book) -> ColumnElement[str]:
    """The row as text: `name='value'` for each column that has one, by name. A column that a later version
    adds is empty in old rows, and changes nothing about them."""
    columns = sorted(book.kind.__table__.columns, key=lambda column: column.name)
    return func.concat_ws(
        ",",
        *[
            case((column.is_not(None), literal(f"{column.name}=") + func.quote_literal(cast(column, Text))))
            for column in columns
        ],
    )


def _write(made: Seal, now: datetime) -> None:
    """Unless somebody else made the same one meanwhile."""
    made.organization_id, made.id, made.made_at = tenancy.organization_id(), new_id(), now
    made.fingerprint = made.computed_fingerprint()
    values = {column.key: getattr(made, column.key) for column in Seal.__table__.columns}
    db.session.execute(insert(Seal).values(values).on_conflict_do_nothing())
