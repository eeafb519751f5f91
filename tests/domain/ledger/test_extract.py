"""The ledger that people read: lines with the balance each left behind, and the trial balance."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from tests.domain.ledger.conftest import cash, dues, take_back, write
from webapp.core.db import db
from webapp.domain import ledger
from webapp.domain.ledger import Account, Code, Event, Extract, Key, Move, Side


def account(code: Code) -> Account:
    return db.session.scalars(select(Account).where(Account.code == code)).one()


@pytest.fixture
def spring(world: Any) -> Any:
    """Ana and Ben are billed, Ana pays in two parts, and a check of Ben's was recorded a day late."""
    write(dues(world, 40000), on=date(2026, 1, 10))
    write(dues(world, 40000, member=world.ben), on=date(2026, 1, 10))
    write(cash(world, 15000), on=date(2026, 2, 3), event=Event.PAYMENT_RECEIVED)
    write(cash(world, 25000), on=date(2026, 3, 1), event=Event.PAYMENT_RECEIVED)
    write(cash(world, 40000, member=world.ben), on=date(2026, 2, 20), event=Event.PAYMENT_RECEIVED)
    return world


def test_the_chapter_ledger_runs_by_day_with_the_newest_first(spring: Any) -> None:
    lines = Extract.of_chapter(spring.chapter.id, account(Code.RECEIVABLE)).page(50)

    assert [(line.key.dated.isoformat(), line.change, line.balance) for line in lines] == [
        ("2026-03-01", -25000, 0),
        ("2026-02-20", -40000, 25000),
        ("2026-02-03", -15000, 65000),
        ("2026-01-10", 40000, 80000),
        ("2026-01-10", 40000, 40000),
    ]
    assert (lines[1].member, lines[1].counter_account) == (spring.ben.name, "Bank")


def test_pages_continue_where_the_last_one_ended_with_the_same_balances(spring: Any) -> None:
    extract = Extract.of_chapter(spring.chapter.id, account(Code.RECEIVABLE))
    whole = extract.page(50)

    first = extract.page(2)
    second = extract.page(2, after=Key.read(str(first[-1].key)))
    third = extract.page(2, after=second[-1].key)

    assert [*first, *second, *third] == whole
    assert extract.page(2, after=third[-1].key) == []


def test_a_span_opens_with_what_was_before_it_and_closes_with_what_is_then(spring: Any) -> None:
    february = Extract.of_chapter(
        spring.chapter.id, account(Code.RECEIVABLE), since=date(2026, 2, 1), until=date(2026, 2, 28)
    )

    assert (february.opening(), february.closing()) == (80000, 25000)
    assert [line.balance for line in february.page(50)] == [25000, 65000]
    assert [line.balance for line in february.all()] == [65000, 25000]


def test_income_grows_where_it_is_credited(spring: Any) -> None:
    lines = Extract.of_chapter(spring.chapter.id, account(Code.DUES_INCOME)).page(50)

    assert [line.balance for line in lines] == [80000, 40000]


def test_another_chapter_has_its_own_ledger(spring: Any) -> None:
    assert Extract.of_chapter(spring.other_chapter.id, account(Code.RECEIVABLE)).page(50) == []


def test_a_member_sees_what_is_owed_and_not_where_money_lay_meanwhile(spring: Any) -> None:
    held = Side(Code.UNAPPLIED_RECEIPTS, spring.chapter.id, spring.ana.id)
    bank = Side(Code.BANK, spring.chapter.id)
    write(dues(spring, 5000), on=date(2026, 4, 1))
    write(Move(5000, debit=bank, credit=held), on=date(2026, 4, 2), event=Event.PAYMENT_RECEIVED)
    applied = Move(5000, debit=held, credit=Side(Code.RECEIVABLE, spring.chapter.id, spring.ana.id))
    write(applied, on=date(2026, 4, 2), event=Event.PAYMENT_ALLOCATED)

    lines = Extract.of_member(spring.ana.id).page(50)

    assert [line.balance for line in lines] == [0, 5000, 0, 25000, 40000]
    assert list(Extract.of_member(spring.ana.id).all()) == lines[::-1]


def test_a_member_sees_one_payment_and_not_the_fee_that_was_kept_back_of_it(spring: Any) -> None:
    owed = Side(Code.RECEIVABLE, spring.chapter.id, spring.ana.id)
    write(dues(spring, 40000), on=date(2026, 4, 1))
    net = Move(38810, debit=Side(Code.BANK, spring.chapter.id), credit=owed)
    fee = Move(1190, debit=Side(Code.BANK_CHARGES, spring.chapter.id), credit=owed)
    write(fee, net, on=date(2026, 4, 2), event=Event.PAYMENT_RECEIVED)
    extract = Extract.of_member(spring.ana.id)

    [paid] = extract.page(1)
    [billed] = extract.page(1, after=Key.read(str(paid.key)))

    assert (paid.change, paid.balance, paid.counter_account) == (-40000, 0, "Bank")
    assert (billed.change, billed.balance) == (40000, 40000)
    assert list(extract.all())[::-1] == extract.page(50)


@pytest.mark.parametrize("text", [None, "", "yesterday", "2026-02-30~x", "2026-02-03", "~"])
def test_a_broken_key_is_no_key(text: str | None) -> None:
    assert Key.read(text) is None


def test_the_trial_balance_agrees_at_every_date(spring: Any) -> None:
    take_back(write(dues(spring, 700), on=date(2026, 5, 1)), on=date(2026, 5, 9))

    def on(day: date) -> dict[str, int]:
        trial = ledger.trial_balance(day)
        assert trial.agrees
        return {line.code: line.net for line in trial.lines if line.net}

    assert on(date(2025, 12, 31)) == {}
    assert on(date(2026, 1, 10)) == {"1200": 80000, "4000": -80000}
    assert on(date(2026, 2, 3)) == {"1000": 15000, "1200": 65000, "4000": -80000}
    assert on(date(2026, 5, 1)) == {"1000": 80000, "1200": 700, "4000": -80700}
    assert on(date(2026, 5, 9)) == {"1000": 80000, "4000": -80000}
