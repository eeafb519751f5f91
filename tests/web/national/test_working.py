"""Is it working? What the page says of each part, and what the operator's command says of all."""

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from tests.jobs import JobRunner, Silence
from tests.services import Database
from tests.web.specimens import make_event
from tests.web.world import ADMIN, AUDITOR, World, enter
from webapp.core import checkup, clock, signs, tenancy
from webapp.core.checkup import Mark
from webapp.core.db import database_time, db, transaction
from webapp.core.jobs import Job, JobState, OutboxJob, later
from webapp.core.signs import Sign, SignOfLife
from webapp.domain.notifications.delivery import Mail, MailState
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.reporting.verification import broken_seals
from webapp.domain.reporting.verification.books import Verification
from webapp.workers import schedule

OTHER_KEY = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU="


class Rows(HTMLParser):
    """What each line of the page says, by its subject: works, and how it stands."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data

    def __getitem__(self, subject: str) -> list[str]:
        plain = [[" ".join(cell.split()) for cell in row] for row in self.rows if row]
        return next(row[1:] for row in plain if row[0] == subject)


@pytest.fixture
def page(client: FlaskClient, world: World) -> Any:
    def _page() -> Rows:
        enter(client, world.logins[ADMIN])
        answer = client.get(f"/o/{world.organization.slug}/national/working")
        assert answer.status_code == 200
        return Rows(answer.text)

    return _page


def test_a_scheduler_that_ticked_is_fine_and_one_that_stopped_is_named(page: Any) -> None:
    assert page()["Scheduler"][0] == "No"
    schedule.sweep(Silence())
    assert page()["Scheduler"][0] == "Yes"

    with transaction():
        db.session.execute(update(SignOfLife).values(at=clock.now() - timedelta(hours=3)))

    works, said = page()["Scheduler"]
    assert works == "No"
    assert said.startswith("It ticked 3 hours ago.") and "python -m webapp.workers.schedule" in said


def test_no_worker_is_said_with_the_command_that_starts_one(page: Any) -> None:
    assert page()["Queue (Redis)"] == ["Yes", "It answers."]
    works, said = page()["Workers"]
    assert works == "No" and "python -m webapp.workers bulk mail now" in said


def test_without_redis_the_page_still_answers_and_says_so(
    app: Flask, page: Any, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = app.config["SETTINGS"].model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    monkeypatch.setitem(app.config, "SETTINGS", away)

    works, said = page()["Queue (Redis)"]

    assert works == "No" and "what waits is caught up by itself" in said
    ready = client.get("/readyz")
    assert (ready.status_code, ready.text) == (200, "ok, but redis not answering\n")


def test_work_that_waits_too_long_is_marked(page: Any, world: World) -> None:
    def wait(span: timedelta) -> list[str]:
        with tenancy.acting_for(world.organization.id), transaction():
            db.session.execute(
                update(OutboxJob).where(OutboxJob.state == JobState.QUEUED).values(due_at=clock.now() - span)
            )
        found: list[str] = page()["Background work"]
        return found

    with tenancy.acting_for(world.organization.id), transaction():
        later(Job.LOOK_THROUGH_EVENTS)
    assert [wait(timedelta(minutes=m))[0] for m in (0, 5, 60)] == ["Yes", "Look", "No"]


def test_a_job_given_up_is_tried_again_with_one_button(page: Any, client: FlaskClient, world: World) -> None:
    assert page()["Given up"][0] == "No"

    client.post(f"/o/{world.organization.slug}/national/working/{world.ids['job_id']}/revival")

    assert page()["Given up"] == ["Yes", "Nothing was given up."]


def test_an_auditor_reads_the_page_and_has_no_button(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[AUDITOR])
    text = client.get(f"/o/{world.organization.slug}/national/working").text
    assert "Given up" in text and "Try again" not in text


def test_an_event_nobody_read_is_named(page: Any, world: World) -> None:
    with tenancy.acting_for(world.organization.id), transaction() as session:
        session.execute(update(ProcessorEvent).values(received_at=clock.now()))
    assert page()["News from Stripe"][0] == "Yes"
    with tenancy.acting_for(world.organization.id), transaction() as session:
        event = make_event(world.ids["processor_id"])
        event.received_at = clock.now() - timedelta(hours=2)
        event.state = DeliveryState.RECEIVED
        session.add(event)
    works, said = page()["News from Stripe"]
    assert works == "No" and "waited for 2 hours" in said


@pytest.mark.case("A18")
def test_with_a_lost_key_everything_starts_and_the_page_says_what_to_do(
    app: Flask, page: Any, client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page()["Keys of Stripe"] == ["Yes", "They can be read."]
    lost = app.config["SETTINGS"].model_copy(update={"credential_keys": OTHER_KEY})
    monkeypatch.setitem(app.config, "SETTINGS", lost)

    works, said = page()["Keys of Stripe"]

    assert works == "No"
    assert "Nobody can pay online" in said and "CREDENTIAL_KEYS" in said
    address = f"/o/{world.organization.slug}/pay/{world.links['visitors.pay']}"
    assert client.get(address).status_code == 200
    refused = client.post(f"{address}/checkouts")
    assert refused.status_code == 503 and "can’t be read" in refused.text.replace("&#39;", "’")
    assert client.get("/readyz").status_code == 200


def test_mails_that_failed_are_counted(page: Any, world: World) -> None:
    assert page()["Mails"] == ["Yes", "None failed lately."]
    with tenancy.acting_for(world.organization.id), transaction():
        Mail.here().all()[0].state = MailState.FAILED
    assert page()["Mails"][0] == "Look"


def test_the_day_and_the_books_are_looked_after_every_night(page: Any, world: World, jobs: JobRunner) -> None:
    assert page()["Day's work"][0] == "Look"
    assert page()["Books"][0] == "Look"
    today = world.organization.today.isoformat()
    with tenancy.acting_for(world.organization.id):
        with transaction():
            later(Job.DAILY, day=today)
            later(Job.VERIFY_BOOKS)
        jobs.run_all()

    assert page()["Day's work"][0] == "Yes"
    works, said = page()["Books"]
    assert works == "Yes" and "they agree" in said
    works, said = page()["Seals"]
    assert works == "Yes" and said.endswith("ago: the only one holds.")


def test_books_that_differ_stand_on_the_page_until_they_agree(page: Any, world: World) -> None:
    with tenancy.acting_for(world.organization.id), transaction() as session:
        session.add(Verification(differences=2, first="Owed on invoices: member PX1"))
    works, said = page()["Books"]
    assert works == "No" and "they differ in 2 places" in said and "member PX1" in said


@pytest.mark.case("A20")
def test_a_broken_seal_stands_on_the_page_and_in_the_command_says_it_at_once(
    app: Flask, page: Any, world: World, database: Database, jobs: JobRunner
) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE seals SET contents = '{\"postings\": {}}'")
    with tenancy.acting_for(world.organization.id):
        with transaction():
            later(Job.VERIFY_BOOKS)
        jobs.run_all()

    works, said = page()["Seals"]
    told = app.test_cli_runner().invoke(args=["duesbook", "check"])

    assert works == "No" and "Seal 1 itself was changed." in said
    assert f"{world.organization.slug}\tSeals\tNo\tJust now: Seal 1 itself was changed." in told.output


def test_seals_are_made_once_an_hour_and_running_twice_does_no_harm(world: World) -> None:
    moment = database_time()
    for _ in range(2):
        schedule.promise_regular_work(moment)
    sealing = JobRunner(OutboxJob.name == Job.SEAL_RECORDS.work.name)
    assert len(sealing.due()) == 1
    sealing.run_all()
    with tenancy.acting_for(world.organization.id):
        with transaction():
            later(Job.SEAL_RECORDS)
        sealing.run_all()
        assert broken_seals.inspect().broken is None
    with tenancy.platform():
        assert {row.state for row in sealing.named("seal_records")} == {JobState.DONE}


def test_the_backup_tells_its_age(page: Any) -> None:
    assert page()["Backup"][0] == "Look"
    with transaction():
        signs.give(Sign.BACKUP)
    assert page()["Backup"][0] == "Yes"
    with transaction():
        db.session.execute(update(SignOfLife).values(at=clock.now() - timedelta(days=9)))
    assert page()["Backup"][0] == "No"


def test_the_command_says_the_same_of_every_organization(app: Flask, world: World) -> None:
    done = app.test_cli_runner().invoke(args=["duesbook", "check"])
    lines = [line.split("\t") for line in done.output.splitlines()]
    assert done.exit_code == 1
    assert {line[0] for line in lines} == {"installation", world.organization.slug}
    assert ["installation", "Database", "Yes", "It answers.", ""] in lines


def test_an_installation_where_all_runs_has_nothing_to_complain(app: Flask) -> None:
    with transaction():
        signs.give(Sign.SCHEDULER)
        signs.give(Sign.BACKUP)
    found = list(checkup.installation(Working()))
    assert {line.mark for line in found} == {Mark.GOOD}
    assert "Listening: bulk 2, mail 2, now 1." in [line.said for line in found]


class Working:
    def workers(self) -> dict[str, int]:
        return {"now": 1, "mail": 2, "bulk": 2}
