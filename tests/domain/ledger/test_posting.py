"""Entries: written once, kept for ever, taken back by their mirror image."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from tests.domain.ledger.conftest import TODAY, Paper, cash, dues, take_back, write
from webapp.core.db import db, transaction
from webapp.domain import ledger
from webapp.domain.ledger import Code, Event, JournalEntry, Outcome, Posting, PostingBlocked, PostingDecision


def test_an_invoice_shows_as_owed_by_the_member_and_earned_by_the_chapter(world: Any) -> None:
    entry = write(dues(world, 40000))

    assert (entry.event, entry.dated, entry.source_kind) == (Event.INVOICE_ISSUED, TODAY, "papers")
    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 40000
    assert ledger.member_balance(world.ben.id, Code.RECEIVABLE) == 0
    assert ledger.chapter_balance(world.chapter.id, Code.RECEIVABLE) == 40000
    assert ledger.chapter_balance(world.chapter.id, Code.DUES_INCOME) == 40000
    assert ledger.chapter_balance(None, Code.DUES_INCOME) == 0


def test_a_payment_takes_off_what_is_owed(world: Any) -> None:
    write(dues(world, 40000))
    write(cash(world, 15000), event=Event.PAYMENT_RECEIVED)

    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 25000
    assert ledger.chapter_balance(world.chapter.id, Code.BANK) == 15000


def test_balances_can_be_read_before_the_transaction_ends(world: Any) -> None:
    with transaction():
        ledger.post(
            Event.INVOICE_ISSUED,
            source=Paper(),
            moves=[dues(world, 700)],
            on=TODAY,
            by=None,
            description="Dues",
        )
        assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 700
        assert ledger.chapter_balance(world.chapter.id, Code.DUES_INCOME) == 700


def test_what_is_rolled_back_moves_no_balance(world: Any) -> None:
    class ChangeOfMind(Exception):
        pass

    with pytest.raises(ChangeOfMind), transaction():
        ledger.post(
            Event.INVOICE_ISSUED,
            source=Paper(),
            moves=[dues(world, 700)],
            on=TODAY,
            by=None,
            description="Dues",
        )
        raise ChangeOfMind
    write(dues(world, 1))

    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 1


def test_the_same_event_of_the_same_document_is_posted_once(world: Any) -> None:
    paper = Paper()
    write(dues(world, 40000), paper=paper)

    with pytest.raises(PostingBlocked) as refused:
        write(dues(world, 40000), paper=paper)

    assert refused.value.guards == ("not_posted_before",)
    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 40000
    assert ledger.entry_for(paper.id, Event.INVOICE_ISSUED) is not None
    assert ledger.entry_for(paper.id, Event.LATE_FEE) is None


def test_a_reversal_is_the_mirror_image_and_names_what_it_reverses(world: Any) -> None:
    entry = write(dues(world, 40000), dues(world, 2500))

    reversal = take_back(entry, on=date(2026, 4, 1))

    assert (reversal.event, reversal.reverses_id, reversal.dated) == (
        Event.REVERSAL,
        entry.id,
        date(2026, 4, 1),
    )
    assert [move.turned_round() for move in ledger.moves_of(reversal)] == ledger.moves_of(entry)
    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 0
    assert ledger.chapter_balance(world.chapter.id, Code.DUES_INCOME) == 0


def test_an_entry_is_reversed_once_whoever_asks(world: Any) -> None:
    entry = write(dues(world, 40000))
    take_back(entry)

    with pytest.raises(PostingBlocked) as refused:
        take_back(entry)

    assert refused.value.guards == ("not_posted_before",)
    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 0


def test_one_document_may_take_back_several_entries(world: Any) -> None:
    paper, first, second = Paper(), write(dues(world, 40000)), write(dues(world, 2500), event=Event.LATE_FEE)

    take_back(first, source=paper)
    take_back(second, source=paper)

    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 0


def test_each_entry_keeps_what_every_guard_said(world: Any) -> None:
    entry = write(dues(world, 40000))

    decision = db.session.scalars(
        select(PostingDecision).where(PostingDecision.id == entry.decision_id)
    ).one()
    assert decision.outcome is Outcome.ALLOWED
    assert (decision.entries, decision.amount) == (1, 40000)
    assert set(decision.guards) == {guard.value for guard in ledger.Guard}
    assert all(said is True for said in decision.guards.values())


def test_postings_lie_in_the_order_of_their_entries(world: Any) -> None:
    entries = [write(dues(world, 1), dues(world, 2)) for _ in range(3)]

    found = db.session.scalars(select(Posting.entry_id).order_by(Posting.id)).all()

    assert found == [entry.id for entry in entries for _ in range(2)]


@pytest.mark.case("A20")
@pytest.mark.parametrize("table", ["journal_entries", "postings", "posting_decisions"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_application_can_not_change_the_books_behind_their_back(
    world: Any, table: str, change: str
) -> None:
    write(dues(world, 40000))

    with pytest.raises(Exception, match="permission denied"), transaction() as session:
        session.connection().exec_driver_sql(change.format(table))

    assert len(db.session.scalars(select(JournalEntry)).all()) == 1
