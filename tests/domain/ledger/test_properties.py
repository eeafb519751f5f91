"""Whatever is posted and taken back, in any order: both sides agree, and balances are sums of postings."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.domain.ledger.conftest import Paper, take_back, write
from webapp.core import money
from webapp.core.db import db
from webapp.domain import ledger
from webapp.domain.ledger import Code, Event, JournalEntry, Move, Side
from webapp.domain.ledger.chart import Subledger

ACCOUNTS = [code for code in Code if code is not Code.MEMBER_WALLETS]
deeds = st.lists(
    st.one_of(
        st.tuples(
            st.just("post"),
            st.lists(
                st.tuples(st.integers(1, 10**9), st.sampled_from(ACCOUNTS), st.sampled_from(ACCOUNTS)),
                min_size=1,
                max_size=4,
            ),
            st.integers(0, 400),
        ),
        st.tuples(st.just("reverse"), st.integers(0, 20), st.integers(0, 400)),
    ),
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=deeds, draw=st.randoms(use_true_random=False))
def test_debits_equal_credits_and_balances_equal_their_postings(world: Any, story: Any, draw: Any) -> None:
    def side(code: Code) -> Side:
        member = draw.choice([world.ana, world.ben])
        chapter = draw.choice([world.chapter, world.other_chapter])
        return Side(code, chapter.id, member.id if code.subledger is Subledger.MEMBER else None)

    model: dict[tuple[Code, Any], int] = defaultdict(int)
    entries: list[JournalEntry] = []
    before = ledger.member_balance(world.ana.id, Code.RECEIVABLE)
    for kind, what, days in story:
        on = date(2026, 1, 1) + timedelta(days=days)
        if kind == "post":
            moves = [Move(amount, side(debit), side(credit)) for amount, debit, credit in what]
            moves = [move for move in moves if move.debit != move.credit]
            entry = write(*moves, on=on, paper=Paper(), event=Event.ADJUSTMENT) if moves else None
            sign = 1
        else:
            entry = entries.pop(what % len(entries)) if entries else None
            moves = ledger.moves_of(entry) if entry else []
            sign = -1
            if entry:
                take_back(entry, on=on)
        if entry and sign == 1:
            entries.append(entry)
        for move in moves:
            model[move.debit.account, move.debit.member_id] += sign * move.amount
            model[move.credit.account, move.credit.member_id] -= sign * move.amount

    assert ledger.trial_balance(date(2030, 1, 1)).agrees
    assert ledger.trial_balance(date(2026, 6, 1)).agrees
    assert ledger.verify(world.organization) == []
    after = ledger.member_balance(world.ana.id, Code.RECEIVABLE)
    assert after - before == model[Code.RECEIVABLE, world.ana.id]


@pytest.mark.case("K7")
def test_a_split_payment_closes_every_part_to_the_last_cent(world: Any) -> None:
    def owed(amount: int) -> Move:
        return Move(
            amount,
            debit=Side(Code.RECEIVABLE, world.chapter.id, world.ana.id),
            credit=Side(Code.DUES_INCOME, world.chapter.id),
        )

    whole = 10001
    parts = money.split(whole, [1, 1, 1])
    entries = [write(owed(part)) for part in parts]
    paid = [move for entry in entries for move in ledger.moves_of(entry)]
    write(
        *[Move(move.amount, debit=Side(Code.BANK, world.chapter.id), credit=move.debit) for move in paid],
        event=Event.PAYMENT_RECEIVED,
    )

    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 0
    assert ledger.chapter_balance(world.chapter.id, Code.BANK) == whole
    assert sum(db.session.scalars(select(ledger.Posting.amount))) == 2 * whole
