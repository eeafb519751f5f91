"""The guards: each has a name, all of them speak, and what they said stays."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from tests import factories
from tests.domain.ledger.conftest import TODAY, Paper, dues, write
from webapp.core.db import db, transaction
from webapp.domain import ledger
from webapp.domain.ledger import (
    ClosedSpan,
    Code,
    Event,
    Guard,
    JournalEntry,
    Move,
    Outcome,
    Override,
    PostingBlocked,
    PostingDecision,
    Side,
)
from webapp.domain.ledger.guards import CHECKS
from webapp.domain.organizations import RoleName


def close_march(world: Any) -> None:
    with transaction():
        ledger.close_span(date(2026, 3, 1), date(2026, 3, 31), by=None)


def blocked(*moves: Move, **more: Any) -> PostingBlocked:
    with pytest.raises(PostingBlocked) as refused:
        write(*moves, **more)
    return refused.value


def decisions() -> list[PostingDecision]:
    return list(db.session.scalars(select(PostingDecision).order_by(PostingDecision.id)))


def test_every_guard_has_its_check() -> None:
    assert list(CHECKS) == list(Guard)


def test_an_account_that_the_chart_does_not_have_is_refused(world: Any) -> None:
    with transaction() as session:
        session.connection().exec_driver_sql("DELETE FROM accounts WHERE code = '4000'")

    assert blocked(dues(world, 1)).guards == ("accounts_belong",)


def test_a_debt_needs_a_debtor(world: Any) -> None:
    nobody = Move(500, debit=Side(Code.RECEIVABLE, world.chapter.id), credit=Side(Code.DUES_INCOME))

    error = blocked(nobody)

    assert error.guards == ("accounts_belong",)
    assert "1200" in error.message


@pytest.mark.case("K15")
def test_foreign_money_is_refused(world: Any) -> None:
    error = blocked(dues(world, 500), paper=Paper(currency="JPY"))

    assert error.guards == ("currency_matches",)
    assert error.message == "The amount is in JPY, but the books are kept in USD."


def test_closed_books_stay_closed_on_their_last_day_and_open_the_day_after(world: Any) -> None:
    close_march(world)

    assert blocked(dues(world, 1), on=date(2026, 3, 31)).guards == ("period_is_open",)
    assert write(dues(world, 1), on=date(2026, 4, 1)).dated == date(2026, 4, 1)


def test_reopened_books_take_entries_again(world: Any) -> None:
    close_march(world)
    with transaction():
        db.session.scalars(select(ClosedSpan)).one().reopen(by=None, reason="A check was found")

    assert write(dues(world, 1)).dated == TODAY


def test_a_void_invoice_and_an_unconfirmed_fee_object_for_themselves(world: Any) -> None:
    paper = Paper(
        objections=(
            (Guard.SOURCE_STATE_ALLOWS, "The invoice is void."),
            (Guard.FEE_IS_CONFIRMED, "The processor has not told its fee yet."),
        )
    )

    error = blocked(dues(world, 1), paper=paper)

    assert error.guards == ("source_state_allows", "fee_is_confirmed")
    assert error.message == "The invoice is void. The processor has not told its fee yet."


def test_no_guard_falls_silent_because_another_has_refused(world: Any) -> None:
    close_march(world)
    paper = Paper(currency="CAD", objections=((Guard.FEE_IS_CONFIRMED, "No fee yet."),))
    with transaction() as session:
        session.connection().exec_driver_sql("DELETE FROM accounts WHERE code = '2110'")
    moves = [
        Move(5, debit=Side(Code.MEMBER_WALLETS, None, world.ana.id), credit=Side(Code.BANK)),
        Move(5, debit=Side(Code.CREDIT_NOTES, None, world.ana.id), credit=Side(Code.BANK)),
    ]

    error = blocked(*moves, paper=paper)

    assert set(error.guards) == set(Guard) - {Guard.SOURCE_STATE_ALLOWS, Guard.NOT_POSTED_BEFORE}
    kept = decisions()[0]
    assert kept.outcome is Outcome.BLOCKED
    assert {name for name, said in kept.guards.items() if said is True} == {
        "source_state_allows",
        "not_posted_before",
    }


def test_a_refusal_outlives_everything_else_of_its_transaction(world: Any) -> None:
    paper = Paper(currency="CAD")
    blocked(dues(world, 700), paper=paper)

    decision = decisions()[0]
    assert (decision.source_id, decision.amount, decision.outcome) == (paper.id, 700, Outcome.BLOCKED)
    assert db.session.scalars(select(JournalEntry)).all() == []


def test_a_refusal_that_the_caller_copes_with_is_kept_as_well(world: Any) -> None:
    with transaction():
        with pytest.raises(PostingBlocked):
            ledger.post(
                Event.ADJUSTMENT,
                source=Paper(currency="CAD"),
                moves=[dues(world, 1)],
                on=TODAY,
                by=None,
                description="Waiver",
            )
        ledger.post(
            Event.ADJUSTMENT, source=Paper(), moves=[dues(world, 2)], on=TODAY, by=None, description="Waiver"
        )

    assert [decision.outcome for decision in decisions()] == [Outcome.BLOCKED, Outcome.ALLOWED]
    assert ledger.member_balance(world.ana.id, Code.RECEIVABLE) == 2


def test_a_national_admin_may_post_into_closed_books_with_a_reason(world: Any) -> None:
    close_march(world)
    admin = factories.make_admin()

    entry = write(dues(world, 1), override=Override(by=admin, reason="The auditor asked for it"))

    decision = decisions()[0]
    assert decision.id == entry.decision_id
    assert (decision.outcome, decision.overridden_by_id, decision.reason) == (
        Outcome.OVERRIDDEN,
        admin.id,
        "The auditor asked for it",
    )
    assert decision.guards["period_is_open"].startswith("The books are closed")


@pytest.mark.parametrize("reason", ["", "   "])
def test_an_override_without_a_reason_is_none(world: Any, reason: str) -> None:
    close_march(world)

    assert blocked(dues(world, 1), override=Override(factories.make_admin(), reason)).guards == (
        "period_is_open",
    )


def test_a_treasurer_can_not_post_into_closed_books(world: Any) -> None:
    close_march(world)
    treasurer = factories.make_login()
    factories.make_role(treasurer, RoleName.TREASURER, chapter=world.chapter)

    error = blocked(dues(world, 1), override=Override(treasurer, "I need it"))

    assert error.guards == ("period_is_open",)
    assert "national admin" in error.message


def test_nothing_but_a_closed_period_can_be_overridden(world: Any) -> None:
    override = Override(factories.make_admin(), "I insist")

    assert blocked(dues(world, 1), paper=Paper(currency="CAD"), override=override).guards == (
        "currency_matches",
    )


def wallet(world: Any, amount: int, *, spend: bool) -> Move:
    held = Side(Code.MEMBER_WALLETS, world.chapter.id, world.ana.id)
    bank = Side(Code.BANK, world.chapter.id)
    return Move(amount, debit=held, credit=bank) if spend else Move(amount, debit=bank, credit=held)


def test_a_wallet_is_spent_to_the_last_cent_and_no_further(world: Any) -> None:
    write(wallet(world, 1000, spend=False), event=Event.PAYMENT_RECEIVED)

    write(wallet(world, 1000, spend=True), event=Event.PAYMENT_ALLOCATED)
    error = blocked(wallet(world, 1, spend=True), event=Event.PAYMENT_ALLOCATED)

    assert error.guards == ("wallet_not_negative",)
    assert ledger.member_balance(world.ana.id, Code.MEMBER_WALLETS) == 0


def test_money_that_came_in_earlier_in_the_same_transaction_can_be_spent(world: Any) -> None:
    with transaction():
        for event, spend in ((Event.PAYMENT_RECEIVED, False), (Event.PAYMENT_ALLOCATED, True)):
            ledger.post(
                event,
                source=Paper(),
                moves=[wallet(world, 900, spend=spend)],
                on=TODAY,
                by=None,
                description="Wallet",
            )

    assert ledger.member_balance(world.ana.id, Code.MEMBER_WALLETS) == 0
