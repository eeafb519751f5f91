"""Many hands in the same books at once: nothing is lost or done twice, and nobody waits for ever."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from typing import Any

import pytest

from tests.domain.ledger.conftest import TODAY, Paper, cash, dues, write
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain import ledger
from webapp.domain.ledger import Code, Event, Move, PostingBlocked, Side


def at_once(world: Any, app: Any, deeds: list[Callable[[], Any]]) -> list[Any]:
    """Each deed in a thread of its own, all of them let go together; what each came to, errors included."""
    ready = Barrier(len(deeds))

    def run(deed: Callable[[], Any]) -> Any:
        with app.app_context(), tenancy.acting_for(world.organization.id):
            ready.wait()
            try:
                return deed()
            except PostingBlocked as blocked:
                return blocked
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(run, deeds))


def test_eight_clients_who_post_to_one_chapter_lose_nothing(world: Any, app: Any) -> None:
    def bill_ten() -> None:
        for amount in range(1, 11):
            write(dues(world, amount))

    at_once(world, app, [bill_ten] * 8)

    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 8 * 55
    assert ledger.chapter_balance(world.chapter.id, Code.DUES_INCOME) == 8 * 55


@pytest.mark.case("F12")
def test_transactions_with_the_same_accounts_in_opposite_order_do_not_wait_in_a_circle(
    world: Any, app: Any
) -> None:
    ways = [
        [dues(world, 1), dues(world, 1, member=world.ben, chapter=world.other_chapter)],
        [dues(world, 1, member=world.ben, chapter=world.other_chapter), dues(world, 1)],
    ]

    def post_each_by_itself(moves: list[Move]) -> Callable[[], None]:
        def deed() -> None:
            for _ in range(15):
                with transaction():
                    for move in moves:
                        ledger.post(
                            Event.LATE_FEE,
                            source=Paper(),
                            moves=[move],
                            on=TODAY,
                            by=None,
                            description="Late fee",
                        )

        return deed

    at_once(world, app, [post_each_by_itself(ways[number % 2]) for number in range(4)])

    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 60
    assert ledger.member_balance(world.ben.id, Code.RECEIVABLE) == 60


@pytest.mark.case("K4")
def test_the_same_event_told_by_eight_at_once_is_in_the_books_once(world: Any, app: Any) -> None:
    paper = Paper()

    outcomes = at_once(world, app, [lambda: write(cash(world, 500), paper=paper)] * 8)

    blocked = [outcome for outcome in outcomes if isinstance(outcome, PostingBlocked)]
    assert len(blocked) == 7
    assert {one.guards for one in blocked} == {("not_posted_before",)}
    assert ledger.chapter_balance(world.chapter.id, Code.BANK) == 500


@pytest.mark.case("K10")
def test_a_wallet_that_two_tabs_spend_at_once_is_spent_once(world: Any, app: Any) -> None:
    held = Side(Code.MEMBER_WALLETS, world.chapter.id, world.ana.id)
    bank = Side(Code.BANK, world.chapter.id)
    write(Move(1000, debit=bank, credit=held), event=Event.PAYMENT_RECEIVED)

    outcomes = at_once(
        world, app, [lambda: write(Move(1000, debit=held, credit=bank), event=Event.REFUND)] * 4
    )

    blocked = [outcome for outcome in outcomes if isinstance(outcome, PostingBlocked)]
    assert [one.guards for one in blocked] == [("wallet_not_negative",)] * 3
    assert ledger.member_balance(world.ana.id, Code.MEMBER_WALLETS) == 0


def test_books_that_are_being_closed_wait_for_who_is_posting_and_then_stay_closed(
    world: Any, app: Any
) -> None:
    def close() -> None:
        with transaction():
            ledger.close_span(date(2026, 3, 1), date(2026, 3, 31), by=None)

    outcomes = at_once(world, app, [close, *[lambda: write(dues(world, 1))] * 7])

    written = [outcome for outcome in outcomes[1:] if not isinstance(outcome, PostingBlocked)]
    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == len(written)
    with pytest.raises(PostingBlocked):
        write(dues(world, 1))
