"""Workers that die while they bill: everybody is billed once, and no number is lost."""

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import redis
from flask import Flask
from sqlalchemy import func, select, update

from tests import factories
from tests.faults.bulk_worker import BulkWorker, is_gone, kill, until, working
from tests.faults.gate import Gate, gate_in
from webapp.adapters.rq_dispatcher import RqDispatcher
from webapp.core import tenancy
from webapp.core.db import db, new_id, transaction
from webapp.core.jobs import JobState, Nudge, OutboxJob, work_named
from webapp.domain.billing import confirming, run
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.run import BatchState, BillingBatch, BillingRun, RunState
from webapp.domain.organizations import Member, Organization
from webapp.workers import schedule

MEMBERS, PER_BATCH = 60, 20
SEEDS = range(20)


@pytest.fixture
def billable(organization: Organization) -> None:
    """Sixty members who owe dues in every period."""
    chapter, status = factories.make_chapter(), factories.make_status()
    factories.make_rate(status, 12_345)
    with transaction() as session:
        session.add_all(
            Member(
                id=new_id(),
                number=f"M{place:05d}",
                first_name="Ana",
                last_name="Núñez",
                chapter_id=chapter.id,
                status_id=status.id,
            )
            for place in range(MEMBERS)
        )


@pytest.fixture
def confirmed(organization: Organization, billable: None) -> BillingRun:
    """Cut into three batches, each promised to the workers."""
    return begun(organization, factories.make_period())


def begun(organization: Organization, period: BillingPeriod) -> BillingRun:
    with transaction():
        made = confirming.confirm(
            organization, factories.standard_schedule(), period, dated=date(2026, 7, 1), by=None
        )
    with transaction():
        run.start(made.id, members_per_batch=PER_BATCH)
        for job in OutboxJob.here().all(OutboxJob.name == "start_billing_run"):
            job.state = JobState.DONE
    return made


@pytest.fixture
def dispatcher(redis_url: str) -> Iterator[RqDispatcher]:
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        yield RqDispatcher(redis_url)
        client.flushdb()


def billed() -> int:
    db.session.rollback()
    return db.session.scalars(select(func.count()).select_from(Invoice)).one()


def batches_left() -> int:
    db.session.rollback()
    return len(BillingBatch.here().all(BillingBatch.state == BatchState.WAITING))


def let_time_pass() -> None:
    """As if every lease of a job had run out, and every nudge been sent long ago."""
    with tenancy.platform(), transaction():
        running = OutboxJob.state == JobState.RUNNING
        db.session.execute(
            update(OutboxJob).where(running).values(lease_expires_at=func.now() - timedelta(seconds=1))
        )
        db.session.execute(update(OutboxJob).where(~running).values(nudged_at=None))


def everybody_is_billed_once(run_id: UUID, *, runs_before: int = 0) -> None:
    db.session.rollback()
    db.session.expire_all()
    done = BillingRun.open(run_id)
    progress = done.progress()
    assert done.state is RunState.DONE
    assert (progress.done, progress.of, progress.invoiced) == (MEMBERS, MEMBERS, MEMBERS)
    assert progress.total == MEMBERS * 12_345
    invoices = Invoice.here().all(Invoice.run_id == run_id, order_by=Invoice.sequence)
    first = runs_before * MEMBERS + 1
    assert [invoice.sequence for invoice in invoices] == list(range(first, first + MEMBERS))
    assert len({invoice.member_id for invoice in invoices}) == MEMBERS


@dataclass
class MortalRun:
    """A billing run whose horses die where the test says. The worker is held until the run may begin."""

    id: UUID
    worker: BulkWorker
    gate: Gate
    dispatcher: RqDispatcher
    dead: int = 0

    def nudge(self) -> None:
        let_time_pass()
        until(lambda: schedule.sweep(self.dispatcher))
        self.dead = 0

    def kill_at(self, row: int) -> None:
        """Whoever is about to write the so many-th row from here."""
        self.gate.close_at(row)
        self.worker.go_on()
        until(lambda: self.gate.waiting() or self.only_the_dead_are_left())
        if not self.gate.waiting():
            self.nudge()
            until(self.gate.waiting)
        self.worker.hold()
        horse = self.worker.horse()
        assert horse is not None and kill(horse)
        self.gate.open_to_the_dead()
        self.dead += 1

    def finish(self) -> None:
        self.worker.go_on()
        until(self.only_the_dead_are_left)
        progress = BillingRun.open(self.id).progress()
        assert progress.done == progress.invoiced == len(Invoice.here().all(Invoice.run_id == self.id))
        if self.dead:
            self.nudge()
            until(self.only_the_dead_are_left)
        self.worker.hold()

    def only_the_dead_are_left(self) -> bool:
        """All the rest went on, and only what they had in hand is not done."""
        db.session.rollback()
        left = OutboxJob.queue == "bulk", OutboxJob.state != JobState.DONE
        return len(OutboxJob.here().all(*left)) == self.dead


@pytest.mark.case("F3")
def test_horses_killed_at_any_row_of_a_run_leave_nobody_out_and_bill_nobody_twice(
    app: Flask,
    organization: Organization,
    billable: None,
    dispatcher: RqDispatcher,
    database: Any,
    redis_url: str,
    tmp_path: Path,
) -> None:
    """Twenty runs, each with a seed of its own; one horse or two die in each of them."""
    with gate_in(database) as gate, working(app, database, redis_url, tmp_path / "worker.log") as worker:

        def a_run(code: str) -> MortalRun:
            made = MortalRun(begun(organization, factories.make_period(code)).id, worker, gate, dispatcher)
            made.nudge()
            return made

        worker.hold()
        rows = rows_of(a_run("undisturbed"))
        for seed in SEEDS:
            dice, mortal = random.Random(seed), a_run(f"seed-{seed}")
            first = dice.randrange(1, rows)
            mortal.kill_at(first)
            if dice.random() < 0.5:
                mortal.kill_at(dice.randint(1, rows - first))
            mortal.finish()
            everybody_is_billed_once(mortal.id, runs_before=seed + 1)
        assert worker.process.poll() is None, "the worker outlives its horses"


def rows_of(undisturbed: MortalRun) -> int:
    undisturbed.gate.count_from_here()
    undisturbed.finish()
    return undisturbed.gate.counted()


@pytest.fixture
def one_job(confirmed: BillingRun) -> OutboxJob:
    """The job of the first batch."""
    return OutboxJob.here().all(OutboxJob.name == "bill_batch", order_by=OutboxJob.id)[0]


@pytest.mark.case("F4")
def test_an_orphan_whose_lease_was_taken_stops_before_it_bills_anybody(
    app: Flask,
    confirmed: BillingRun,
    one_job: OutboxJob,
    dispatcher: RqDispatcher,
    database: Any,
    redis_url: str,
    tmp_path: Path,
) -> None:
    """Locks on a table are given in the order they were asked for: that holds it at its lease check."""
    nudge = Nudge(one_job.organization_id, one_job.id, work_named(one_job.name))
    db.session.rollback()
    with psycopg.connect(database.superuser_url) as first, psycopg.connect(database.superuser_url) as second:
        first.execute("LOCK TABLE outbox IN EXCLUSIVE MODE")
        with working(app, database, redis_url, tmp_path / "worker.log") as worker:
            until(lambda: dispatcher.nudge([nudge]))
            until(lambda: waiting_for("outbox", database) == 1)
            asking = threading.Thread(target=second.execute, args=("LOCK TABLE outbox IN EXCLUSIVE MODE",))
            asking.start()
            until(lambda: waiting_for("outbox", database) == 2)
            first.rollback()
            asking.join(10)
            until(lambda: waiting_for("outbox", database) == 1)
            orphan = worker.horse()
            worker.kill()
            taken = "UPDATE outbox SET lease_token = gen_random_uuid(), attempts = attempts + 1 WHERE id = %s"
            second.execute(taken, [one_job.id])
            second.commit()
            until(lambda: "lease_lost" in worker.said())
            assert orphan is not None
            until(lambda: is_gone(orphan))
    assert billed() == 0
    finish_with_a_new_worker(app, dispatcher, database, redis_url, tmp_path)
    everybody_is_billed_once(confirmed.id)


@pytest.mark.case("F4")
def test_an_orphan_that_is_billing_and_its_retry_have_one_effect(
    app: Flask,
    confirmed: BillingRun,
    one_job: OutboxJob,
    dispatcher: RqDispatcher,
    database: Any,
    redis_url: str,
    tmp_path: Path,
) -> None:
    """The orphan waits for its numbers while the retry waits for the orphan."""
    nudge = Nudge(one_job.organization_id, one_job.id, work_named(one_job.name))
    db.session.rollback()
    with psycopg.connect(database.superuser_url) as holder:
        holder.execute("LOCK TABLE number_counters IN EXCLUSIVE MODE")
        with working(app, database, redis_url, tmp_path / "worker.log") as worker:
            until(lambda: dispatcher.nudge([nudge]))
            until(lambda: waiting_for("number_counters", database) == 1)
            orphan = worker.horse()
            worker.kill()
        assert orphan is not None and not is_gone(orphan)
        with working(app, database, redis_url, tmp_path / "retry.log"):
            until(lambda: dispatcher.nudge([nudge]))
            time.sleep(1)
            holder.rollback()
            until(lambda: billed() == PER_BATCH)
            until(lambda: is_gone(orphan))
    finish_with_a_new_worker(app, dispatcher, database, redis_url, tmp_path)
    everybody_is_billed_once(confirmed.id)


def finish_with_a_new_worker(
    app: Flask, dispatcher: RqDispatcher, database: Any, redis_url: str, tmp_path: Path
) -> None:
    with working(app, database, redis_url, tmp_path / "next.log"):
        let_time_pass()
        until(lambda: schedule.sweep(dispatcher))
        until(lambda: batches_left() == 0)
        until(lambda: not OutboxJob.here().all(OutboxJob.state == JobState.RUNNING))


def waiting_for(table: str, database: Any) -> int:
    with psycopg.connect(database.superuser_url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = to_regclass(%s)"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [table],
        ).fetchone()
    assert found is not None
    return int(found[0])
