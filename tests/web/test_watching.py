"""What whoever watches the servers gets: figures, and logs that can be followed and say nothing secret."""

import json
import re
from typing import Any

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient

from tests.jobs import JobRunner, Silence
from tests.web.world import ADMIN, World, enter
from webapp.core import tally, tenancy
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, JobState, OutboxJob, later
from webapp.core.redaction import redacted
from webapp.core.tally import Counted
from webapp.workers import schedule

TOKEN = "a token for the monitoring"


def figures(client: FlaskClient) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    rows = [line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in rows}


def test_the_figures_say_how_far_work_lags_and_how_long_pages_take(client: FlaskClient, world: World) -> None:
    with tenancy.acting_for(world.organization.id), transaction():
        later(Job.DELIVER_MAILS, mails="one two three")
        later(Job.REACT_TO_EVENT, event_id=world.organization.id)
    before = figures(client)

    client.get(f"/o/{world.organization.slug}/national/")

    after = figures(client)
    assert after["duesbook_mails_waiting"] >= 3
    assert after['duesbook_queue_waiting{queue="now"}'] >= 1
    assert after["duesbook_webhook_lag_seconds"] > 0
    assert after["duesbook_outbox_lag_seconds"] >= after['duesbook_queue_age_seconds{queue="mail"}'] > 0
    home = 'duesbook_request_seconds_count{endpoint="national.home",method="GET",status="3xx"}'
    assert after[home] == before.get(home, 0) + 1


def test_the_figures_name_no_organization_no_address_and_no_amount(client: FlaskClient, world: World) -> None:
    for link in world.links.values():
        client.get(f"/o/{world.organization.slug}/pay/{link}")

    text = client.get("/metrics").text

    for said in (world.organization.name, world.organization.slug, *world.links.values()):
        assert said not in text
    labels = set(re.findall(r'(\w+)="', text))
    assert labels <= {"endpoint", "method", "status", "le", "queue", "job", "outcome", "processor", "sign"}


def test_a_job_and_the_scheduler_show_in_the_figures(
    client: FlaskClient, organization: Any, jobs: JobRunner
) -> None:
    done = 'duesbook_jobs_total{job="look_through_events",outcome="done"}'
    before = figures(client).get(done, 0)
    with transaction():
        later(Job.LOOK_THROUGH_EVENTS)

    jobs.run_all()
    schedule.sweep(Silence())

    after = figures(client)
    assert after[done] == before + 1
    assert after['duesbook_sign_age_seconds{sign="scheduler"}'] < 60


def test_without_redis_the_figures_of_the_database_are_still_there(
    app: Flask, client: FlaskClient, organization: Any
) -> None:
    from webapp.adapters.redis_counter import RedisCounter

    nowhere = RedisCounter("redis://127.0.0.1:1/0")
    nowhere.add(Counted.JOB, "daily", "done")
    assert nowhere.all(Counted.JOB) == {}
    tally.count_in(nowhere)
    try:
        assert "duesbook_outbox_lag_seconds" in figures(client)
    finally:
        tally.count_in(RedisCounter(app.config["SETTINGS"].redis_url))


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        ("", {}, 200),
        ("", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("", {"Forwarded": "for=127.0.0.1"}, 404),
        (TOKEN, {}, 404),
        (TOKEN, {"Authorization": f"Bearer {TOKEN}"}, 200),
        (TOKEN, {"Authorization": "Bearer another"}, 404),
        (TOKEN, {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "203.0.113.9"}, 200),
    ],
)
def test_figures_are_for_this_machine_or_for_who_has_the_token(
    app: Flask,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    headers: dict[str, str],
    status: int,
) -> None:
    settings = app.config["SETTINGS"].model_copy(update={"metrics_token": token})
    monkeypatch.setitem(app.config, "SETTINGS", settings)

    assert client.get("/metrics", headers=headers).status_code == status


def test_another_machine_gets_no_figures(client: FlaskClient) -> None:
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "198.51.100.7"}).status_code == 404


def test_each_request_is_one_line_with_its_ids_and_without_its_address(
    client: FlaskClient, world: World, written: Any
) -> None:
    enter(client, world.logins[ADMIN])

    client.get(
        f"/o/{world.organization.slug}/national/members/?q=Byron", headers={"X-Request-ID": "proxy-0815"}
    )

    lines = [line for line in written() if line["event"] == "request"]
    assert [(line["endpoint"], line["method"], line["status"]) for line in lines] == [
        ("national.members", "GET", 200)
    ]
    assert lines[0]["request_id"] == "proxy-0815"
    assert lines[0]["organization_id"] == str(world.organization.id)
    assert lines[0]["login_id"] == str(world.logins[ADMIN].id)
    assert "Byron" not in json.dumps(lines)


@pytest.mark.parametrize(
    "odd", ["short", "a" * 65, "with space in it", "<script>alert(1)", "sk_test_51Hidden"]
)
def test_an_odd_request_id_is_replaced(client: FlaskClient, odd: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": odd})
    assert re.fullmatch(r"[0-9a-f]{12}", answer.headers["X-Request-ID"])


def test_the_error_page_shows_the_id_that_stands_in_the_log(client: FlaskClient) -> None:
    answer = client.get("/nothing-here", headers={"X-Request-ID": "proxy-0816"})
    assert answer.headers["X-Request-ID"] == "proxy-0816"
    assert "proxy-0816" in answer.text


def test_a_job_is_one_line_with_the_id_of_the_request_that_wanted_it(
    client: FlaskClient, world: World, jobs: JobRunner, written: Any
) -> None:
    with tenancy.acting_for(world.organization.id):
        jobs.run_all()
        asked = {"email": world.logins[ADMIN].email}
        client.post("/password-reset", data=asked, headers={"X-Request-ID": "asked-me-1"})
        written()

        jobs.run_all()

    lines = {line["job"]: line for line in written() if line["event"] == "job"}
    for name in ("announce", "deliver_mails"):
        line = lines[name]
        assert (line["request_id"], line["outcome"], line["attempt"]) == ("asked-me-1", "done", 1)
        assert line["organization_id"] == str(world.organization.id)
        assert line["job_id"] and line["milliseconds"] >= 0


def test_a_failing_job_says_why_without_saying_secrets(
    organization: Any, jobs: JobRunner, written: Any
) -> None:
    with transaction():
        later(Job.ANNOUNCE, what="sk_live_51ThisIsSecret")

    jobs.run_all()

    db.session.rollback()
    row = jobs.named("announce")[0]
    assert row.state is JobState.QUEUED and row.last_error
    lines = written()
    assert [line["outcome"] for line in lines if line["event"] == "job"] == ["queued"]
    assert "ThisIsSecret" not in json.dumps(lines) + row.last_error


def test_libraries_log_in_our_form_and_blacked_out(written: Any) -> None:
    import logging

    logging.getLogger("somebody.else").error("connecting to postgresql://app:hunter2@db/duesbook failed")

    line = written()[-1]
    assert line["level"] == "error" and "hunter2" not in line["event"]


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        ("key sk_test_pichi refused", "sk_test_pichi"),
        ("sealed by whsec_pichi", "whsec_pichi"),
        ("Authorization: Bearer duesbook_abc.def", "duesbook_abc"),
        ("/o/pi-chi/pay/" + "Qk3v-" * 10, "Qk3v-"),
        ("redis://:geheim@127.0.0.1:6379/0", "geheim"),
        ({"headers": {"Cookie": "duesbook=abc"}}, "abc"),
        ([{"password": "correct horse"}], "correct horse"),
        ("550 <ana.núñez+dues@members.example.org>: no such mailbox", "example.org"),
        ({"recipient": "ana@example.org"}, "ana"),
        ("paid from DE89370400440532013000", "DE89"),
        ("paid from GB29 NWBK 6016 1331 9268 19", "9268 19"),
    ],
)
@pytest.mark.case("K36")
def test_secrets_are_blacked_out(said: Any, hidden: str) -> None:
    assert hidden not in json.dumps(redacted(said))


def test_ids_stay_readable() -> None:
    kept = "job 019aa6b2-7d4e-7c1e-9a52-0f6ff2c5b1d3 for cs_test_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0"
    assert redacted(kept) == kept


def test_a_log_bound_elsewhere_does_not_leak_into_the_next_request(client: FlaskClient, written: Any) -> None:
    structlog.contextvars.bind_contextvars(job_id="of another time")
    client.get("/healthz")
    assert "job_id" not in written()[-1]


def test_a_promise_made_by_no_request_names_none(organization: Any, jobs: JobRunner) -> None:
    with transaction():
        later(Job.LOOK_THROUGH_EVENTS)
    assert [row.request_id for row in OutboxJob.here().all()] == [None]
