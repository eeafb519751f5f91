"""`verify` finds every difference, to the cent, and says where."""

from typing import Any

import psycopg
import pytest

from tests.domain.ledger.conftest import cash, dues, take_back, write
from webapp.core.db import db, transaction
from webapp.domain import ledger
from webapp.domain.ledger import Event


@pytest.fixture
def tamper(world: Any, database: Any) -> Any:
    """Changes the books as only somebody with the database in hand could; clears them afterwards."""

    def run(statement: str) -> None:
        db.session.rollback()
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement)

    yield run
    run("TRUNCATE postings, journal_entries, chapter_balances, member_balances")


def sentences(world: Any) -> list[str]:
    db.session.rollback()
    return [difference.sentence("USD") for difference in ledger.verify(world.organization)]


def test_books_written_by_the_ledger_agree(world: Any) -> None:
    take_back(write(dues(world, 40000)))
    write(dues(world, 12345, member=world.ben))
    write(cash(world, 45, member=world.ben), event=Event.PAYMENT_RECEIVED)

    assert sentences(world) == []


def test_what_is_not_committed_yet_is_verified_too(world: Any) -> None:
    from tests.domain.ledger.conftest import TODAY, Paper

    with transaction():
        ledger.post(
            Event.INVOICE_ISSUED,
            source=Paper(),
            moves=[dues(world, 1)],
            on=TODAY,
            by=None,
            description="Dues",
        )
        assert ledger.verify(world.organization) == []


def test_a_balance_off_by_a_cent_is_found_at_its_member_and_its_chapter(world: Any, tamper: Any) -> None:
    write(dues(world, 40000))
    tamper("UPDATE member_balances SET debits = debits + 1")
    tamper("UPDATE chapter_balances SET credits = credits + 1 WHERE credits > 0")

    number = world.ana.number
    assert sentences(world) == [
        f"Balance of 1200 Accounts receivable, member {number}: should be 400.00 USD, is 400.01 USD",
        "Balance of 4000 Dues income, chapter ALP: should be -400.00 USD, is -400.01 USD",
    ]


def test_a_lost_posting_is_found_at_all_its_balances_and_its_entry(world: Any, tamper: Any) -> None:
    entry = write(dues(world, 40000))
    tamper("DELETE FROM postings")

    found = sentences(world)

    assert len(found) == 4
    assert str(entry.id) in found[-1]


def test_a_posting_of_another_day_than_its_entry_is_found(world: Any, tamper: Any) -> None:
    entry = write(dues(world, 40000))
    tamper("UPDATE postings SET dated = dated + 1")

    [found] = sentences(world)
    assert str(entry.id) in found


def test_a_balance_without_any_posting_is_found(world: Any, tamper: Any) -> None:
    write(dues(world, 40000))
    tamper("DELETE FROM member_balances")

    assert len(sentences(world)) == 1
