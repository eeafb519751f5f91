"""Many entries at once: the guards are asked for the batch, then one statement per table writes all rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Text,
    Uuid,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert

from webapp.core import tenancy, writing
from webapp.core.db import OrganizationRow, db, new_id
from webapp.domain.ledger import balances, guards, periods
from webapp.domain.ledger.chart import Code, Subledger, account_ids
from webapp.domain.ledger.guards import Facts, Guard, Question
from webapp.domain.ledger.journal import Event, JournalEntry, Posting, PostingDecision
from webapp.domain.ledger.proposal import Side, given_word
from webapp.domain.organizations import Login, Organization


@dataclass(frozen=True)
class BulkMove:
    """One posting of each row: the row's `amount`, unless it is 0, for the row's chapter.

    `debit_member` and `credit_member` say on which side the row's member is named.
    """

    amount: ColumnElement[int]
    debit: Code
    credit: Code
    debit_member: bool = False
    credit_member: bool = False


@dataclass(frozen=True)
class _Chapter:
    """What a batch holds for one chapter: entries, and the sum of each move."""

    chapter_id: UUID | None
    entries: int
    sums: tuple[int, ...]
    foreign_currency: str | None


def post_many(
    event: Event,
    *,
    rows: FromClause,
    moves: Sequence[BulkMove],
    source_kind: str,
    batch: OrganizationRow,
    on: date,
    by: Login | None,
) -> int:
    """Write one entry for each row: all of them, or PostingBlocked and none. Answers how many.

    `rows` is best a table, for it is read several times. Its columns: source_id, entry_id (from `new_id()`),
    description, chapter_id, member_id, the amounts that the moves name, currency if it may differ, and
    reverses_id if each entry takes back another.
    One decision covers the batch. Bulk runs never spend wallets.
    """
    assert 0 < len(moves) <= 256, "One entry has 1 to 256 postings"
    assert all(move.debit is not Code.MEMBER_WALLETS for move in moves), "Bulk runs never spend wallets"
    db.session.flush()
    periods.hold_open()
    organization = db.session.get_one(Organization, tenancy.organization_id())
    chapters = _sums(rows, moves, organization.currency)
    entries = sum(chapter.entries for chapter in chapters)
    if entries == 0:
        return 0
    amount = sum(sum(chapter.sums) for chapter in chapters)
    question = Question(event, source_kind, batch.id, entries, amount, by, given_word())
    facts = _facts(event, moves, chapters, batch=batch, organization=organization, on=on)
    decision = guards.decide(question, facts)
    decision_id = new_id()
    writing.note(PostingDecision, id=decision_id, **decision.values)
    written = _write_entries(event, rows, source_kind=source_kind, decision_id=decision_id, on=on, by=by)
    if written != entries:
        raise guards.refusal(question, {Guard.NOT_POSTED_BEFORE: "Some of this is in the books already."})
    _write_postings(rows, moves, facts, on)
    _move_balances(rows, moves, chapters, facts)
    return entries


def _sums(rows: FromClause, moves: Sequence[BulkMove], currency: str) -> list[_Chapter]:
    foreign: ColumnElement[Any] = null()
    if "currency" in rows.c:
        foreign = func.min(rows.c.currency).filter(rows.c.currency != currency)
    grouped = (
        select(rows.c.chapter_id, func.count(), foreign, *(func.sum(move.amount) for move in moves))
        .select_from(rows)
        .group_by(rows.c.chapter_id)
    )
    return [
        _Chapter(chapter_id, entries, tuple(int(amount) for amount in sums), foreign_currency)
        for chapter_id, entries, foreign_currency, *sums in db.session.execute(grouped)
    ]


def _facts(
    event: Event,
    moves: Sequence[BulkMove],
    chapters: Sequence[_Chapter],
    *,
    batch: OrganizationRow,
    organization: Organization,
    on: date,
) -> Facts:
    sides = [(move.debit, move.debit_member) for move in moves]
    sides += [(move.credit, move.credit_member) for move in moves]
    return Facts(
        account_ids=account_ids(),
        accounts=frozenset(code for code, _ in sides),
        without_party=frozenset(
            code for code, names_member in sides if code.subledger is Subledger.MEMBER and not names_member
        ),
        book_currency=organization.currency,
        foreign_currency=next((one.foreign_currency for one in chapters if one.foreign_currency), None),
        closed_until=db.session.scalar(periods.closed_until(on)),
        posted_before=False,
        overdrawn=False,
        raised=guards.objections_of(batch, event),
    )


def _write_entries(
    event: Event, rows: FromClause, *, source_kind: str, decision_id: UUID, on: date, by: Login | None
) -> int:
    columns = {
        "organization_id": literal(tenancy.organization_id()),
        "id": rows.c.entry_id,
        "event": literal(event.value),
        "dated": literal(on),
        "description": rows.c.description,
        "source_kind": literal(source_kind),
        "source_id": rows.c.source_id,
        "decision_id": literal(decision_id),
        "by_id": literal(by.id if by else None, Uuid()),
    }
    if "reverses_id" in rows.c:
        columns["reverses_id"] = rows.c.reverses_id
    writing = (
        insert(JournalEntry).from_select(list(columns), select(*columns.values())).on_conflict_do_nothing()
    )
    counting = {"preserve_rowcount": True}
    written: int = db.session.connection().execute(writing, execution_options=counting).rowcount
    return written


def _write_postings(rows: FromClause, moves: Sequence[BulkMove], facts: Facts, on: date) -> None:
    selects = [
        select(
            literal(tenancy.organization_id()),
            cast(func.left(cast(rows.c.entry_id, Text()), 34) + f"{position:02x}", Uuid()),
            rows.c.entry_id,
            literal(on),
            move.amount,
            literal(facts.account_ids[move.debit]),
            literal(facts.account_ids[move.credit]),
            rows.c.chapter_id,
            rows.c.chapter_id,
            rows.c.member_id if move.debit_member else cast(null(), Uuid()),
            rows.c.member_id if move.credit_member else cast(null(), Uuid()),
        ).where(move.amount != 0)
        for position, move in enumerate(moves)
    ]
    columns = [
        "organization_id",
        "id",
        "entry_id",
        "dated",
        "amount",
        "debit_account_id",
        "credit_account_id",
        "debit_chapter_id",
        "credit_chapter_id",
        "debit_member_id",
        "credit_member_id",
    ]
    lines = selects[0] if len(selects) == 1 else union_all(*selects)
    db.session.connection().execute(insert(Posting).from_select(columns, lines))


def _move_balances(
    rows: FromClause, moves: Sequence[BulkMove], chapters: Sequence[_Chapter], facts: Facts
) -> None:
    moved = balances.moved()
    for chapter in chapters:
        for move, amount in zip(moves, chapter.sums, strict=True):
            if amount:
                moved.add(facts.account_ids[move.debit], Side(move.debit, chapter.chapter_id), debits=amount)
                moved.add(
                    facts.account_ids[move.credit], Side(move.credit, chapter.chapter_id), credits=amount
                )
    sides = [
        _side(rows, move, facts.account_ids[move.debit], debit=True) for move in moves if move.debit_member
    ]
    sides += [
        _side(rows, move, facts.account_ids[move.credit], debit=False) for move in moves if move.credit_member
    ]
    if sides:
        lines = (sides[0] if len(sides) == 1 else union_all(*sides)).subquery()
        balances.add_to_members(
            select(lines.c.account_id, lines.c.member_id, func.sum(lines.c.debits), func.sum(lines.c.credits))
            .group_by(lines.c.account_id, lines.c.member_id)
            .having(func.sum(lines.c.debits) + func.sum(lines.c.credits) > 0)
        )


def _side(rows: FromClause, move: BulkMove, account_id: UUID, *, debit: bool) -> Select[Any]:
    amount, nothing = move.amount, literal(0)
    return select(
        literal(account_id).label("account_id"),
        rows.c.member_id.label("member_id"),
        (amount if debit else nothing).label("debits"),
        (nothing if debit else amount).label("credits"),
    )
