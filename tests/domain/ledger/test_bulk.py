"""A billing run's batch: many entries, one statement per table, one decision."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import BigInteger, Text, Uuid, column, func, select, values

from tests.domain.ledger.conftest import TODAY, Paper, dues, write
from webapp.core.db import db, new_id, transaction
from webapp.domain import ledger
from webapp.domain.ledger import (
    BulkMove,
    Code,
    Event,
    Guard,
    JournalEntry,
    Outcome,
    Posting,
    PostingBlocked,
    PostingDecision,
)


@dataclass
class Line:
    """One invoice as a run prepares it: the dues, and the chapter's part of them."""

    chapter: Any
    member: Any
    dues: int
    part: int = 0
    currency: str = "USD"
    source_id: UUID = field(default_factory=new_id)


def batch_of(*lines: Line) -> Any:
    columns = [column(name, Uuid()) for name in ("source_id", "entry_id", "chapter_id", "member_id")]
    columns += [column(name, Text()) for name in ("description", "currency")]
    columns += [column(name, BigInteger()) for name in ("dues", "part")]
    rows = [
        (
            line.source_id,
            new_id(),
            line.chapter.id,
            line.member.id,
            "Spring 2026 dues",
            line.currency,
            line.dues,
            line.part,
        )
        for line in lines
    ]
    return select(values(*columns, name="rows").data(rows)).cte("batch")


def write_many(*lines: Line, batch: Any = None) -> int:
    rows = batch_of(*lines)
    moves = [
        BulkMove(rows.c.dues, debit=Code.RECEIVABLE, credit=Code.DUES_INCOME, debit_member=True),
        BulkMove(rows.c.part, debit=Code.DUES_INCOME, credit=Code.DUE_TO_CHAPTERS),
    ]
    with transaction():
        return ledger.post_many(
            Event.INVOICE_ISSUED,
            rows=rows,
            moves=moves,
            source_kind="invoices",
            batch=batch or Paper(),
            on=TODAY,
            by=None,
        )


def count(kind: Any) -> Any:
    return db.session.scalar(select(func.count()).select_from(kind))


def test_a_batch_is_the_sum_of_its_rows(world: Any) -> None:
    written = write_many(
        Line(world.chapter, world.ana, 40000, part=10000),
        Line(world.chapter, world.ben, 25000),
        Line(world.other_chapter, world.ana, 500, part=100),
    )

    assert written == 3
    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 40500
    assert ledger.member_balance(world.ben.id, Code.RECEIVABLE) == 25000
    assert ledger.chapter_balance(world.chapter.id, Code.RECEIVABLE) == 65000
    assert ledger.chapter_balance(world.chapter.id, Code.DUES_INCOME) == 55000
    assert ledger.chapter_balance(world.other_chapter.id, Code.DUE_TO_CHAPTERS) == 100
    decision = db.session.scalars(select(PostingDecision)).one()
    assert (decision.entries, decision.amount) == (3, 40500 + 25000 + 10100)
    assert count(Posting) == 5, "nothing is posted for 0"


def test_a_second_batch_adds_to_the_first(world: Any) -> None:
    write_many(Line(world.chapter, world.ana, 40000))
    write_many(Line(world.chapter, world.ana, 2500))

    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 42500


def test_an_empty_batch_leaves_nothing_behind(world: Any) -> None:
    rows = batch_of(Line(world.chapter, world.ana, 40000))
    nobody = select(rows).where(rows.c.dues < 0).cte("nobody")
    move = BulkMove(nobody.c.dues, debit=Code.RECEIVABLE, credit=Code.DUES_INCOME, debit_member=True)

    with transaction():
        written = ledger.post_many(
            Event.INVOICE_ISSUED,
            rows=nobody,
            moves=[move],
            source_kind="invoices",
            batch=Paper(),
            on=TODAY,
            by=None,
        )

    assert (written, count(PostingDecision)) == (0, 0)


def test_a_batch_with_something_that_was_posted_before_writes_nothing(world: Any) -> None:
    paper = Paper()
    write(dues(world, 40000), paper=paper)

    with pytest.raises(PostingBlocked) as refused:
        write_many(
            Line(world.chapter, world.ben, 300),
            Line(world.chapter, world.ana, 40000, source_id=paper.id),
        )

    assert refused.value.guards == ("not_posted_before",)
    assert ledger.member_balance(world.ben.id, Code.RECEIVABLE) == 0
    assert count(JournalEntry) == 1


def test_a_batch_in_foreign_money_or_of_an_undone_run_is_refused_with_both_reasons(world: Any) -> None:
    undone = Paper(objections=((Guard.SOURCE_STATE_ALLOWS, "This run was undone."),))

    with pytest.raises(PostingBlocked) as refused:
        write_many(Line(world.chapter, world.ana, 300, currency="CAD"), batch=undone)

    assert refused.value.guards == ("currency_matches", "source_state_allows")
    assert "CAD" in refused.value.message and "undone" in refused.value.message
    assert db.session.scalars(select(PostingDecision.outcome)).all() == [Outcome.BLOCKED]
    assert count(JournalEntry) == 0
