"""The journal as a list, newest first, and one entry with everything that stands behind it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import and_, exists, func, literal, select, tuple_
from sqlalchemy.orm import aliased

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.ledger.chart import Account
from webapp.domain.ledger.extract import Key
from webapp.domain.ledger.journal import Event, JournalEntry, Outcome, Posting, PostingDecision
from webapp.domain.organizations import Chapter, Login, Member


@dataclass(frozen=True)
class Wanted:
    """`overridden`: only what a national admin posted into closed books."""

    event: Event | None = None
    overridden: bool = False
    since: date | None = None
    until: date | None = None


class Row(NamedTuple):
    """An entry on one line; `amount` is the sum of its postings in minor units."""

    id: UUID
    dated: date
    event: Event
    description: str
    by: str
    reverses_id: UUID | None
    reversed: bool
    amount: int
    overridden_because: str | None

    @property
    def key(self) -> Key:
        return Key(self.dated, self.id)


class WholeEntry(NamedTuple):
    """`postings` are rows of amount, and for each side the account, chapter and member."""

    entry: JournalEntry
    by: str
    decision: PostingDecision
    overridden_by: str | None
    reversed_by: JournalEntry | None
    postings: Sequence[Any]


def page(wanted: Wanted, size: int, *, after: Key | None) -> list[Row]:
    statement = _rows(wanted).limit(size)
    if after is not None:
        place = tuple_(JournalEntry.dated, JournalEntry.id)
        statement = statement.where(place < tuple_(literal(after.dated), literal(after.posting_id)))
    return [Row(*row) for row in db.session.execute(statement)]


def all_rows(wanted: Wanted) -> Iterator[Row]:
    for row in db.session.execute(_rows(wanted), execution_options={"yield_per": 1000}):
        yield Row(*row)


def _rows(wanted: Wanted) -> Any:
    amount = (
        select(func.coalesce(func.sum(Posting.amount), 0))
        .where(Posting.organization_id == JournalEntry.organization_id, Posting.entry_id == JournalEntry.id)
        .scalar_subquery()
    )
    later = aliased(JournalEntry)
    reversed_later = exists().where(
        later.organization_id == JournalEntry.organization_id, later.reverses_id == JournalEntry.id
    )
    decision = and_(
        PostingDecision.organization_id == JournalEntry.organization_id,
        PostingDecision.id == JournalEntry.decision_id,
        PostingDecision.outcome == Outcome.OVERRIDDEN,
    )
    conditions = [JournalEntry.organization_id == tenancy.organization_id()]
    if wanted.overridden:
        conditions.append(PostingDecision.id.is_not(None))
    if wanted.event is not None:
        conditions.append(JournalEntry.event == wanted.event)
    if wanted.since is not None:
        conditions.append(JournalEntry.dated >= wanted.since)
    if wanted.until is not None:
        conditions.append(JournalEntry.dated <= wanted.until)
    return (
        select(
            JournalEntry.id,
            JournalEntry.dated,
            JournalEntry.event,
            JournalEntry.description,
            func.coalesce(Login.name, "Duesbook"),
            JournalEntry.reverses_id,
            reversed_later,
            amount,
            PostingDecision.reason,
        )
        .outerjoin(Login, Login.id == JournalEntry.by_id)
        .outerjoin(PostingDecision, decision)
        .where(*conditions)
        .order_by(JournalEntry.dated.desc(), JournalEntry.id.desc())
    )


def whole(entry_id: UUID) -> WholeEntry:
    """An entry with its postings, its decision, and the entry that reversed it; NotFound if there is none."""
    entry = JournalEntry.here().get(entry_id)
    decision = PostingDecision.here().get(entry.decision_id)
    people = {entry.by_id, decision.overridden_by_id} - {None}
    names = {
        row.id: row.name
        for row in db.session.execute(select(Login.id, Login.name).where(Login.id.in_(people)))
    }
    return WholeEntry(
        entry=entry,
        by=names[entry.by_id] if entry.by_id else "Duesbook",
        decision=decision,
        overridden_by=names[decision.overridden_by_id] if decision.overridden_by_id else None,
        reversed_by=JournalEntry.here().first(JournalEntry.reverses_id == entry_id),
        postings=_postings(entry),
    )


def _postings(entry: JournalEntry) -> Sequence[Any]:
    columns: list[Any] = []
    statement = select(Posting.amount).where(
        Posting.organization_id == entry.organization_id, Posting.entry_id == entry.id
    )
    for side in ("debit", "credit"):
        for party, kind in (
            ("account", aliased(Account)),
            ("chapter", aliased(Chapter)),
            ("member", aliased(Member)),
        ):
            named = getattr(Posting, f"{side}_{party}_id")
            statement = statement.outerjoin(
                kind, and_(kind.organization_id == Posting.organization_id, kind.id == named)
            )
            columns.append(_named(kind, party).label(f"{side}_{party}"))
    return db.session.execute(statement.add_columns(*columns).order_by(Posting.id)).all()


def _named(kind: Any, party: str) -> Any:
    """How an account, a chapter or a member is called in a posting."""
    if party == "account":
        return kind.code + " " + kind.name
    return (
        kind.name
        if party == "chapter"
        else func.concat_ws(" ", func.nullif(kind.first_name, ""), kind.last_name)
    )
