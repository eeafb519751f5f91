"""Somebody has got at Redis and puts jobs of their own into the queue."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from tests import factories
from tests.faults.bulk_worker import BulkWorker, until, working
from tests.jobs import JobRunner
from webapp.adapters.rq_dispatcher import PERFORM, RqDispatcher
from webapp.core.db import transaction
from webapp.core.jobs import Job, JobState, Nudge, OutboxJob, later
from webapp.domain.organizations import Organization
from webapp.workers import runner

NOBODY = str(uuid4())


@pytest.fixture
def worker(
    app: Flask, organization: Organization, database: Any, redis_url: str, tmp_path: Path
) -> Iterator[BulkWorker]:
    with working(app, database, redis_url, tmp_path / "worker.log") as started:
        yield started


class Burglar:
    """Writes what a job looks like to RQ, in any way that pleases."""

    def __init__(self, redis_url: str, trophy: Path) -> None:
        self.redis, self.trophy = Redis.from_url(redis_url), trophy

    def leave(self, data: Any, **fields: str) -> None:
        name = str(uuid4())
        packed = data if isinstance(data, bytes) else json.dumps(data).encode()
        kept = {"data": packed, "origin": "bulk", "status": "queued", "timeout": "60"} | fields
        self.redis.hset(f"rq:job:{name}", mapping=kept)
        self.redis.rpush("rq:queue:bulk", name)

    def leave_everything(self) -> None:
        touch = ["pathlib.Path.touch", None, [str(self.trophy)], {}]
        nudge = [PERFORM, None, [NOBODY, NOBODY], {}]
        self.leave(pickle.dumps(Pickled(str(self.trophy))))
        self.leave(pickle.dumps(("os.system", None, (f"touch {self.trophy}",), {})))
        self.leave(["os.system", None, [f"touch {self.trophy}"], {}])
        self.leave(["builtins.open", None, [str(self.trophy), "w"], {}])
        self.leave(touch)
        self.leave(["webapp.workers.runner.hand_on", None, [NOBODY, NOBODY], {}])
        self.leave(["webapp.core.db.db.drop_all", None, [], {}])
        self.leave(nudge, success_callback_name="os.getcwd", failure_callback_name="os.getcwd")
        self.leave(nudge, webhooks=json.dumps([{"url": "http://127.0.0.1:1/", "job_status": "finished"}]))
        self.leave(nudge, repeats_left="5", repeat_intervals="[0]", meta="\x00", dependency_ids="[1]")
        self.leave([*nudge[:3], {"organization_id": NOBODY}])
        self.leave(nudge, status="no status", created_at="yesterday")
        self.leave(nudge, timeout="for ever")
        for crooked in ([], {}, "", b"", b"\xff", [PERFORM, None, ["x", "y"], {}], [PERFORM, None, [], {}]):
            self.leave(crooked)


class Pickled:
    """Unpickled, it creates a file."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return open, (self.file, "w")


@pytest.mark.case("A21")
def test_whatever_is_put_into_the_queue_is_refused_and_the_worker_goes_on(
    organization: Organization, worker: BulkWorker, jobs: JobRunner, redis_url: str, tmp_path: Path
) -> None:
    burglar = Burglar(redis_url, tmp_path / "trophy")
    burglar.leave_everything()
    with transaction():
        later(Job.VERIFY_BOOKS)
    honest = verification(jobs)
    dispatcher = RqDispatcher(redis_url)
    until(lambda: dispatcher.nudge([Nudge(organization.id, honest.id, Job.VERIFY_BOOKS.work)]))

    until(lambda: verification(jobs).state is JobState.DONE)

    assert worker.process.poll() is None
    assert not burglar.trophy.exists()
    assert burglar.redis.llen("rq:queue:bulk") == 0
    assert worker.said().count("forged_job") >= 15


def verification(jobs: JobRunner) -> OutboxJob:
    [found] = jobs.named("verify_books")
    return found


@pytest.mark.case("A21", "A1")
def test_a_job_of_one_organization_is_not_done_for_another(
    organization: Organization, jobs: JobRunner
) -> None:
    stranger = factories.make_organization("Sigma Tau")
    with transaction():
        later(Job.VERIFY_BOOKS)
    theirs = verification(jobs)

    runner.perform(str(stranger.id), str(theirs.id))
    assert verification(jobs).state is JobState.QUEUED

    runner.perform(str(organization.id), str(theirs.id))
    assert verification(jobs).state is JobState.DONE


@pytest.mark.case("A21")
def test_a_nudge_carries_two_ids_as_json_and_nothing_else(organization: Organization, redis_url: str) -> None:
    nudge = Nudge(organization.id, uuid4(), Job.VERIFY_BOOKS.work)
    RqDispatcher(redis_url).nudge([nudge])
    with Redis.from_url(redis_url) as redis:
        [queued] = Queue("bulk", connection=redis, serializer=JSONSerializer).jobs
        assert json.loads(queued.data) == [PERFORM, None, [str(organization.id), str(nudge.job_id)], {}]
        queued.delete()
