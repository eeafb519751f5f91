"""Two who want the same rows in opposite order: the database ends one of them, and nobody notices."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from psycopg import sql

from tests.processor import TODAY, Shop, fresh
from tests.services import Database
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, JobState, later
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import Part, in_proportion
from webapp.domain.organizations import Member, RoleName, tokens
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Allocation, Method, Payment

ROUNDS = 200


@pytest.fixture
def impatient(app: Flask, database: Database) -> Iterator[None]:
    """The database looks for circles after a moment instead of a second, and takes ours to break them."""
    change = sql.SQL("ALTER DATABASE {} {} deadlock_timeout {}")
    name = sql.Identifier(database.name)
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(change.format(name, sql.SQL("SET"), sql.SQL("= '50ms'")))
        db.engine.dispose()
        yield
        connection.execute(change.format(name, sql.SQL("RESET"), sql.SQL("")))
    db.engine.dispose()


@dataclass(frozen=True)
class Row:
    table: str
    id: UUID

    def lock(self, connection: "psycopg.Connection[Any]") -> None:
        table = sql.Identifier(self.table)
        connection.execute(sql.SQL("SELECT FROM {} WHERE id = %s FOR UPDATE").format(table), [self.id])


class Rival:
    """Somebody who locks the second row first, then the first: a circle with whoever goes in order."""

    def __init__(self, database: Database, first: Row, second: Row) -> None:
        self.url, self.first, self.second = database.superuser_url, first, second
        self.circles = 0
        self._over = threading.Event()

    def meet(self, times: int, act: Callable[[], Any]) -> Any:
        ready = threading.Event()
        rival = threading.Thread(target=self._lock_backwards, args=(times, ready))
        rival.start()
        assert ready.wait(5)
        answer = act()
        self._over.set()
        rival.join(10)
        return answer

    def _lock_backwards(self, times: int, ready: threading.Event) -> None:
        with psycopg.connect(self.url) as connection, psycopg.connect(self.url, autocommit=True) as look:
            connection.execute("SET deadlock_timeout = '20s'")
            connection.commit()
            for _ in range(times):
                self.second.lock(connection)
                ready.set()
                while not look.execute(_WAITING).rowcount and not self._over.wait(0.005):
                    pass
                self.first.lock(connection)
                self.circles += 1
                connection.rollback()


_WAITING = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'duesbook'"


def owing_twice(shop: Shop) -> tuple[Row, Row]:
    first, second = sorted((shop.owed().id, shop.owed().id))
    db.session.rollback()
    return Row("invoices", first), Row("invoices", second)


def recording(shop: Shop) -> Callable[[], Any]:
    with transaction():
        token = tokens.create("Accounting", RoleName.NATIONAL_ADMIN, by=None)[1]
    address = f"/api/organizations/{shop.organization.id}/payments/"
    body = {"member_id": str(shop.member_id), "amount": 60_000, "method": "check"}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "one-check"}
    return lambda: shop.client.post(address, json=body, headers=headers)


@pytest.mark.case("F12")
@pytest.mark.case("K20")
def test_bulk_allocations_in_opposite_order_never_meet_in_a_circle(
    shop: Shop, database: Database, impatient: None
) -> None:
    """Officers record checks that settle a part of every debt, half of them from the oldest to the newest and
    half the other way round: two hundred each.

    Comes first, for the server counts the deadlocks of the tests below a while after they happened.
    """
    debts = [shop.owed(100_000).id for _ in range(4)]
    app, here, member_id = shop.client.application, tenancy.organization_id(), shop.member_id
    db.session.rollback()
    before = deadlocks(database)

    def record(seed: int) -> None:
        chance = Random(seed)
        with app.app_context(), tenancy.acting_for(here):
            for _ in range(ROUNDS // 4):
                with transaction():
                    record_offline(
                        Member.here().get(member_id), chance.randint(4, 900), method=Method.CHECK,
                        on=TODAY, by=None, spread=backwards if seed % 2 else in_proportion,
                    )  # fmt: skip

    with ThreadPoolExecutor(8) as officers:
        list(officers.map(record, range(8)))

    assert deadlocks(database) == before
    allocations = Allocation.here().all()
    assert len(allocations) > 3 * 2 * ROUNDS, "each touched nearly all debts"
    settled = sum(allocation.amount for allocation in allocations)
    assert settled == sum(100_000 - fresh(Invoice, debt).owed for debt in debts)
    assert settled == sum(payment.amount for payment in Payment.here().all()) < 400_000


def backwards(amount: int, owed: Sequence[Invoice]) -> list[Part]:
    return in_proportion(amount, owed)[::-1]


@pytest.mark.case("F12")
def test_a_request_that_loses_is_done_again_and_its_sender_does_not_notice(
    shop: Shop, database: Database, impatient: None
) -> None:
    rows, send = owing_twice(shop), recording(shop)
    rival = Rival(database, *rows)

    answer = rival.meet(2, send)

    assert (answer.status_code, rival.circles) == (201, 2)
    assert [payment.allocated for payment in Payment.here().all()] == [60_000]
    assert [fresh(Invoice, row.id).owed for row in rows] == [0, 20_000]


@pytest.mark.case("F12")
def test_one_that_loses_again_and_again_is_told_to_come_back_and_did_nothing(
    shop: Shop, database: Database, impatient: None
) -> None:
    rows, send = owing_twice(shop), recording(shop)

    rival = Rival(database, *rows)

    answer = rival.meet(4, send)

    assert (answer.status_code, answer.headers["Retry-After"], rival.circles) == (503, "10", 4)
    assert answer.content_type == "application/problem+json"
    assert Payment.here().all() == []
    assert send().status_code == 201, "the same key is still free"


@pytest.mark.case("F12")
def test_a_job_that_loses_is_done_again_at_once(shop: Shop, database: Database, impatient: None) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    shop.pay(checkout)
    with transaction():
        later(Job.LOOK_UP_CHECKOUT, checkout_id=checkout.id)
    db.session.rollback()
    rival = Rival(database, Row("invoices", invoice.id), Row("payments", checkout.payment_id))

    rival.meet(1, shop.work)

    assert rival.circles == 1
    [job] = [job for job in shop.jobs.named("look_up_checkout") if job.state is JobState.DONE]
    assert job.attempts == 1
    assert fresh(Payment, checkout.payment_id).allocated == 40_000


def deadlocks(database: Database) -> int:
    with psycopg.connect(database.superuser_url) as connection:
        row = connection.execute(
            "SELECT pg_stat_force_next_flush(), deadlocks FROM pg_stat_database WHERE datname = %s",
            [database.name],
        ).fetchone()
    assert row is not None
    return int(row[1])
