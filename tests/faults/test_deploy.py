"""A deploy in the middle of the day: nobody gets an error, no job is lost, no write is lost."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask

from tests import factories
from tests.conftest import CREDENTIAL_KEY
from tests.faults import forks
from tests.faults.forks import Forked
from tests.faults.visitors import PATIENCE, Crowd, Visitors, ask, connected, until
from tests.jobs import JobRunner
from tests.services import Database
from webapp.adapters import schema
from webapp.core.db import db, new_id, transaction
from webapp.core.jobs import JobState, Nudge, OutboxJob, work_named
from webapp.domain.notifications import delivery
from webapp.domain.notifications.delivery import MailKind

CROWDED = 5
"""Seconds that it is crowded at least."""
TOLD_TO_GO = 3
"""Times that the old processes hear it meanwhile: every second."""


@pytest.fixture
def environment(app: Flask, tmp_path: Path) -> dict[str, str]:
    settings = app.config["SETTINGS"]
    return os.environ | {
        "FLASK_APP": "wsgi",
        "DUESBOOK_ENVIRONMENT": "development",
        "DUESBOOK_DATA": str(tmp_path),
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "CREDENTIAL_KEYS": CREDENTIAL_KEY,
    }


@contextmanager
def running(*arguments: str, environment: dict[str, str], others: Sequence[int] = ()) -> Iterator[Forked]:
    with Path(environment["DUESBOOK_DATA"], "running.log").open("ab") as log:
        process = forks.start(*arguments, environment=environment, stdout=log, others=others)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def children(process: Forked) -> set[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return {int(pid) for pid in listed.split()}


@pytest.fixture
def entrance() -> Iterator[socket.socket]:
    """The socket that an init system holds for the web server, while one goes and the next one comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        yield listening


def web(entrance: socket.socket, environment: dict[str, str]) -> Any:
    served = ["--config", "python:webapp.web.serving", "--bind", "fd://3", "wsgi:application"]
    return running("-m", "gunicorn", *served, environment=environment, others=[entrance.fileno()])


@pytest.mark.case("F28")
def test_nobody_gets_an_error_while_the_web_server_is_reloaded_or_replaced(
    environment: dict[str, str], entrance: socket.socket
) -> None:
    port = entrance.getsockname()[1]
    with ExitStack() as stack:
        first = stack.enter_context(web(entrance, environment))
        assert ask(connected(port)) == 200
        with Visitors(port) as visitors:
            with Crowd(port) as crowd:
                visitors.more(20)
                before = children(first)
                first.send_signal(signal.SIGHUP)
                until(lambda: not before & children(first), "the old processes to go")
                visitors.more(20)
                second = stack.enter_context(web(entrance, environment))
                until(lambda: children(second), "the new server")
                first.terminate()
                assert first.wait(PATIENCE) == 0
                visitors.more(20)
                crowd.stay(CROWDED)
            visitors.leaving.set()
            second.terminate()
            assert second.wait(PATIENCE) == 0
    assert set(visitors.answers) == {200}
    assert crowd.keeping.went_well and crowd.closing.went_well, crowd


@pytest.mark.case("F28")
def test_while_new_processes_load_the_old_ones_answer(
    environment: dict[str, str], entrance: socket.socket
) -> None:
    with web(entrance, environment) as server, Visitors(entrance.getsockname()[1]) as visitors:
        visitors.more(20)
        old = children(server)
        server.send_signal(signal.SIGHUP)
        until(lambda: len(children(server)) == 2 * len(old), "the new processes")
        new = children(server) - old
        for loading in new:
            os.kill(loading, signal.SIGSTOP)
        for _ in range(TOLD_TO_GO):
            visitors.more(50)
            time.sleep(1)
        assert old < children(server)
        for loading in new:
            os.kill(loading, signal.SIGCONT)
        until(lambda: children(server) == new, "the old processes to go")
        visitors.more(20)
        visitors.leaving.set()
    assert set(visitors.answers) == {200}


class Silence:
    """A mail server that takes the connection and then says nothing."""

    def __enter__(self) -> "Silence":
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self.listening.getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self.listening.close()


@pytest.mark.case("F28")
def test_a_worker_that_is_told_to_stop_hands_its_long_job_on(
    organization: Any, environment: dict[str, str], jobs: JobRunner, app: Flask
) -> None:
    [job] = promised_mail(jobs)
    brief = "from webapp.workers.worker import work; work(['mail'], patience=1)"
    with (
        Silence() as silence,
        running("-c", brief, environment=environment | {"MAIL_URL": silence.url}) as worker,
    ):
        nudge(app, job)
        silence.listening.settimeout(PATIENCE)
        caller, _ = silence.listening.accept()
        assert state_of(job.id) == (JobState.RUNNING, 1, True)

        worker.terminate()

        assert worker.wait(PATIENCE) == 0
        caller.close()
    assert state_of(job.id) == (JobState.QUEUED, 0, False)


@pytest.mark.case("F28")
def test_a_worker_that_is_told_to_stop_finishes_its_short_job(
    organization: Any, environment: dict[str, str], jobs: JobRunner, app: Flask
) -> None:
    [job] = promised_mail(jobs)
    usual = ("-m", "webapp.workers", "mail")
    with Silence() as silence, running(*usual, environment=environment | {"MAIL_URL": silence.url}) as worker:
        nudge(app, job)
        silence.listening.settimeout(PATIENCE)
        caller, _ = silence.listening.accept()
        worker.terminate()
        caller.sendall(b"421 closing\r\n")
        caller.close()
        assert worker.wait(PATIENCE) == 0
    state, attempts, leased = state_of(job.id)
    assert (state, attempts, leased) == (JobState.QUEUED, 1, False), "put off by its own decision"


def promised_mail(jobs: JobRunner) -> list[OutboxJob]:
    login = factories.make_login()
    about = {"login_id": str(login.id)}
    with transaction():
        delivery.write_down(MailKind.FORGOTTEN, login.email, once="x", domain="example.org", details=about)
    return jobs.named("deliver_mails")


def nudge(app: Flask, job: OutboxJob) -> None:
    from webapp.adapters.rq_dispatcher import RqDispatcher

    dispatcher = RqDispatcher(app.config["SETTINGS"].redis_url)
    known = Nudge(job.organization_id, job.id, work_named(job.name))
    until(lambda: dispatcher.nudge([known]), "the queue")


def state_of(job_id: UUID) -> tuple[JobState, int, bool]:
    db.session.rollback()
    row = OutboxJob.here().get(job_id)
    db.session.refresh(row)
    return row.state, row.attempts, row.lease_token is not None


@dataclass
class Writers:
    """Promise jobs all the time, as pages do, with the product's own patience for locks."""

    database: Database
    written: int = 0
    refused: list[str] = field(default_factory=list)
    leaving: threading.Event = field(default_factory=threading.Event)

    def write(self) -> None:
        with psycopg.connect(self.database.superuser_url, autocommit=True) as connection:
            connection.execute("SET lock_timeout = '5s'")
            while not self.leaving.is_set():
                try:
                    promise(connection)
                    self.written += 1
                except psycopg.Error as error:
                    self.refused.append(str(error))


def promise(connection: "psycopg.Connection[Any]") -> None:
    connection.execute(
        "INSERT INTO outbox (organization_id, id, name, queue, arguments, state, attempts)"
        " SELECT id, %s, 'daily', 'bulk', '{}', 'queued', 0 FROM organizations",
        [new_id()],
    )


@pytest.mark.case("F29")
def test_a_migration_under_load_waits_its_turn_and_loses_no_write(empty_database: Database) -> None:
    schema.upgrade(empty_database.owner_url, to="0006")
    writers = Writers(empty_database)
    with psycopg.connect(empty_database.superuser_url, autocommit=True) as watching:
        watching.execute(
            "INSERT INTO organizations (id, slug, name, currency, timezone, locale, paper_size, words,"
            " address, how_to_pay, is_demo)"
            " VALUES (%s, 'pi', 'Pi', 'USD', 'UTC', 'en_US', 'A4', '{}', '', '', false)",
            [new_id()],
        )
        migration = threading.Thread(target=schema.upgrade, args=[empty_database.owner_url])
        crowd = [threading.Thread(target=writers.write) for _ in range(2)]
        with psycopg.connect(empty_database.superuser_url) as slow:
            promise(slow)
            for thread in [migration, *crowd]:
                thread.start()
            until(lambda: waits_for_outbox(watching), "the migration to ask for its lock")
            until(lambda: not waits_for_outbox(watching), "the migration to let others pass")
            assert migration.is_alive()
        migration.join(PATIENCE)
        assert not migration.is_alive()
        writers.leaving.set()
        for thread in crowd:
            thread.join()

        found = watching.execute("SELECT count(*) FROM outbox").fetchone()
        reached = watching.execute("SELECT version_num >= '0008' FROM alembic_version").fetchone()
    assert writers.refused == []
    assert found == (writers.written + 1,)
    assert reached == (True,)


def waits_for_outbox(connection: "psycopg.Connection[Any]") -> bool:
    row = connection.execute(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
        " AND relation = 'outbox'::regclass"
    ).fetchone()
    return bool(row and row[0])
