"""Workers that die while they bill: everybody is billed once, and no number is lost."""

import random
import threading
import time
from collections.abc import Iterator
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
from webapp.adapters.rq_dispatcher import RqDispatcher
from webapp.core import tenancy
from webapp.core.db import db, new_id, transaction
from webapp.core.jobs import JobState, Nudge, OutboxJob, work_named
from webapp.domain.billing import confirming, run
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.run import BatchState, BillingBatch, BillingRun, RunState
from webapp.domain.organizations import Member, Organization
from webapp.workers import schedule

MEMBERS, PER_BATCH = 600, 50
SEEDS = [pytest.param(seed, marks=[] if seed < 3 else [pytest.mark.soak]) for seed in range(20)]


@pytest.fixture
def confirmed(organization: Organization) -> BillingRun:
    """Cut into twelve batches, each promised to the workers."""
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
    period = factories.make_period()
    with transaction():
        made = confirming.confirm(
            organization, factories.standard_schedule(), period, dated=date(2026, 7, 1), by=None
        )
    with transaction():
        run.start(made.id, members_per_batch=PER_BATCH)
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


def everybody_is_billed_once(run_id: UUID) -> None:
    db.session.rollback()
    db.session.expire_all()
    done = BillingRun.open(run_id)
    progress = done.progress()
    assert done.state is RunState.DONE
    assert (progress.done, progress.of, progress.invoiced) == (MEMBERS, MEMBERS, MEMBERS)
    assert progress.total == MEMBERS * 12_345
    invoices = Invoice.here().all(order_by=Invoice.sequence)
    assert [invoice.sequence for invoice in invoices] == list(range(1, MEMBERS + 1))
    assert len({invoice.member_id for invoice in invoices}) == MEMBERS


@pytest.mark.case("F3")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_horse_killed_in_the_middle_of_a_run_leaves_nobody_out_and_bills_nobody_twice(
    app: Flask,
    confirmed: BillingRun,
    dispatcher: RqDispatcher,
    database: Any,
    redis_url: str,
    tmp_path: Path,
    seed: int,
) -> None:
    dice = random.Random(seed)
    deaths = 0
    with working(app, database, redis_url, tmp_path / "worker.log") as worker:
        schedule.sweep(dispatcher)
        for enough in sorted(dice.sample(range(1, MEMBERS // PER_BATCH - 1), 2)):
            until(lambda enough=enough: billed() >= enough * PER_BATCH)
            deaths += kill_a_horse(worker, dice.uniform(0, 0.03))
        until(lambda: nothing_is_queued(redis_url))
        let_time_pass()
        schedule.sweep(dispatcher)
        until(lambda: batches_left() == 0)
        assert worker.process.poll() is None, "the worker outlives its horses"
    assert deaths
    everybody_is_billed_once(confirmed.id)


def kill_a_horse(worker: BulkWorker, after: float) -> bool:
    """The next one that lives; false when the run was over before."""
    while batches_left():
        horse = worker.horse()
        if horse is not None:
            time.sleep(after)
            if kill(horse):
                return True
    return False


def nothing_is_queued(redis_url: str) -> bool:
    with redis.Redis.from_url(redis_url) as client:
        return bool(client.llen("rq:queue:bulk") == 0)


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
    db.session.rollback()
    with psycopg.connect(database.superuser_url) as first, psycopg.connect(database.superuser_url) as second:
        first.execute("LOCK TABLE outbox IN EXCLUSIVE MODE")
        with working(app, database, redis_url, tmp_path / "worker.log") as worker:
            dispatcher.nudge([Nudge(one_job.organization_id, one_job.id, work_named(one_job.name))])
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
            dispatcher.nudge([nudge])
            until(lambda: waiting_for("number_counters", database) == 1)
            orphan = worker.horse()
            worker.kill()
        assert orphan is not None and not is_gone(orphan)
        with working(app, database, redis_url, tmp_path / "retry.log"):
            dispatcher.nudge([nudge])
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
        schedule.sweep(dispatcher)
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
