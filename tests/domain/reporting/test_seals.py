"""Seals: what was written once stands as it was written, or the first seal that disagrees is named."""

import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from tests.processor import Shop
from tests.services import Database
from webapp.core import audit
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.domain.reporting.verification import broken_seals, seals
from webapp.domain.reporting.verification.seals import Seal

AT_ONCE = timedelta(0)


def seal(most: int = seals.MOST) -> Seal:
    """Everything that has been written by now. Other tests' transactions on this server end in between."""
    for _ in range(600):
        with transaction():
            seals.seal_next(settled=AT_ONCE, most=most)
        if not seals.anything_after(latest().until):
            return latest()
        time.sleep(0.1)
    raise AssertionError("Something has been under way on this server for a minute.")


def latest() -> Seal:
    found = Seal.latest()
    db.session.rollback()
    assert found is not None
    return found


def note(action: str, subject: Any) -> None:
    with transaction():
        audit.record(action, subject, by=None, before={"name": "Alpha"}, after={"name": None})


@pytest.fixture
def behind_its_back(database: Database, organization: Any) -> Any:
    """Statements of a superuser who switches off what refuses them."""

    def _run(statement: str) -> int:
        db.session.rollback()
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            return connection.execute(statement).rowcount

    return _run


def inspected(most: int = seals.MOST) -> broken_seals.Inspection:
    db.session.rollback()
    return broken_seals.inspect(most=most)


def test_each_seal_holds_what_came_since_the_one_before_and_its_fingerprint(shop: Shop) -> None:
    shop.record(shop.owed(), 10_000)
    first = seal()
    note("looked at", shop.organization)
    second = seal()

    assert first.contents["postings"]["rows"] > 0 and first.contents["audit_entries"]["rows"] > 0
    assert {table: held["rows"] for table, held in second.contents.items()} == {
        "audit_entries": 1, "posting_decisions": 0, "journal_entries": 0, "postings": 0,
    }  # fmt: skip
    every = Seal.here().all(order_by=Seal.number)
    assert [one.number for one in every] == list(range(1, len(every) + 1))
    assert [one.previous for one in every] == ["", *[one.fingerprint for one in every[:-1]]]
    assert inspected() == broken_seals.Inspection(len(every), None)


def test_without_anything_new_there_is_no_new_seal(shop: Shop) -> None:
    shop.owed()
    made = seal()
    for _ in range(3):
        with transaction():
            assert seals.seal_next(settled=AT_ONCE) is False
    assert latest().number == made.number


@pytest.mark.case("A20")
def test_a_bit_of_an_amount_breaks_its_seal_and_mends_it_when_it_is_put_back(
    shop: Shop, behind_its_back: Any
) -> None:
    shop.record(shop.owed(), 10_000)
    seal()
    flip = "UPDATE postings SET amount = amount # 1"

    behind_its_back(flip)
    broken = inspected().broken
    behind_its_back(flip)

    assert broken is not None and broken.startswith("Seal 2 of ")
    assert broken.endswith("postings: the number of rows is the same, and what stands in them is not.")
    assert inspected().broken is None


@pytest.mark.case("A20")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE journal_entries SET description = description || ' '", "journal entries: the number"),
        ("UPDATE posting_decisions SET guards = '{}'", "posting decisions: the number"),
        ("UPDATE audit_entries SET by_name = 'Somebody'", "audit entries: the number"),
        (
            "UPDATE audit_entries SET after = after - 'name' WHERE action = 'moved'",
            "audit entries: the number",
        ),
        ("UPDATE audit_entries SET at = now() WHERE action = 'moved'", "audit entries: {rows} rows were"),
        ("DELETE FROM audit_entries WHERE action = 'moved'", "audit entries: {rows} rows were sealed"),
        ("UPDATE seals SET contents = contents - 'postings' WHERE number = 2", "Seal 2 itself was changed."),
        ("UPDATE seals SET until = until + interval '1 day' WHERE number = 2", "Seal 2 itself was changed."),
        ("UPDATE seals SET number = 99 WHERE number = 2", "Seal 2 is missing."),
        ("DELETE FROM seals WHERE number = 2", "Seal 2 is missing."),
    ],
)
def test_whatever_is_changed_behind_its_back_breaks_the_first_seal_that_held_it(
    shop: Shop, behind_its_back: Any, change: str, said: str
) -> None:
    shop.record(shop.owed(), 10_000)
    note("moved", shop.organization)
    held = seal().contents["audit_entries"]["rows"]
    note("looked at", shop.organization)
    seal()
    assert inspected().broken is None

    assert behind_its_back(change) > 0

    broken = inspected().broken
    assert broken is not None and said.format(rows=held) in broken


@pytest.mark.case("A20")
def test_a_row_that_is_slipped_in_with_an_old_date_is_seen(shop: Shop) -> None:
    shop.owed()
    made = seal()

    with transaction() as session:
        session.execute(
            text(
                "INSERT INTO audit_entries (organization_id, id, at, by_name, action, subject_kind)"
                " VALUES (:here, gen_random_uuid(), now() - interval '1 day', 'Nora', 'agreed', 'invoices')"
            ),
            {"here": shop.organization.id},
        )

    rows = made.contents["audit_entries"]["rows"]
    assert f"{rows} rows were sealed, {rows + 1} are there" in (inspected().broken or "")


def test_what_is_written_by_now_and_committed_later_goes_into_a_later_seal(
    shop: Shop, database: Database
) -> None:
    shop.owed()
    seal()
    with psycopg.connect(database.app_url) as slow:
        slow.execute("SELECT set_config('app.organization_id', %s, true)", [str(shop.organization.id)])
        slow.execute(
            "INSERT INTO audit_entries (organization_id, id, by_name, action, subject_kind)"
            " VALUES (%s, gen_random_uuid(), 'Nora', 'took long', 'invoices')",
            [shop.organization.id],
        )
        note("looked at", shop.organization)
        for _ in range(3):
            with transaction():
                seals.seal_next(settled=AT_ONCE)
    seal()

    sealed = sum(one.contents["audit_entries"]["rows"] for one in Seal.here().all(Seal.number > 1))
    assert sealed == len(AuditEntry.here().all())
    assert inspected().broken is None


def test_a_long_history_is_sealed_in_stretches_and_inspected_in_stretches(shop: Shop) -> None:
    for number in range(10):
        note(f"step {number}", shop.organization)

    seal(most=3)

    found = Seal.here().all(order_by=Seal.number)
    assert max(one.contents["audit_entries"]["rows"] for one in found[1:]) == 4
    assert inspected(most=12) == broken_seals.Inspection(len(found), None)


def test_a_restored_database_whose_count_of_transactions_is_lower_goes_on(
    shop: Shop, behind_its_back: Any
) -> None:
    shop.owed()
    made = seal()
    note("moved", shop.organization)
    behind_its_back("UPDATE seals SET under_way = 1000000000000000")

    with transaction():
        seals.seal_next(settled=AT_ONCE)

    assert latest().number == made.number + 1
