"""Two schedulers, missed nights, days that are shorter, and machines whose clocks are wrong."""

import re
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
import requests
from flask import Flask

from tests import factories
from tests.faults.installation import Installation, until
from tests.faults.office import Office
from tests.processor import ADDRESSES
from tests.sandbox.control import SandboxControl
from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.core.jobs import Job, OutboxJob, later
from webapp.domain.organizations import AuthenticatorApp, Login, password_reset
from webapp.web import paying
from webapp.workers import schedule

FIRST, LAST = "Pacific/Kiritimati", "America/Adak"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.case("F26")
@pytest.mark.case("K8")
@pytest.mark.parametrize(
    ("zone", "before", "begins", "day"),
    [
        (FIRST, "2026-03-07 12:59", "2026-03-07 13:00", "2026-03-08"),
        (FIRST, "2028-02-28 12:59", "2028-02-28 13:00", "2028-02-29"),
        (FIRST, "2026-12-30 12:59", "2026-12-30 13:00", "2026-12-31"),
        (LAST, "2026-03-08 11:59", "2026-03-08 12:00", "2026-03-08"),
        (LAST, "2026-11-01 12:59", "2026-11-01 13:00", "2026-11-01"),
        (LAST, "2028-02-29 12:59", "2028-02-29 13:00", "2028-02-29"),
        (LAST, "2027-01-01 12:59", "2027-01-01 13:00", "2027-01-01"),
    ],
    ids=[
        "first to begin a day", "leap day there first", "month end there first", "the night of 23 hours",
        "the night of 25 hours", "leap day there last", "a new year there last",
    ],
)  # fmt: skip
def test_an_organization_s_day_begins_at_three_in_its_own_morning_and_once(
    app: Flask, zone: str, before: str, begins: str, day: str
) -> None:
    organization = factories.make_organization(timezone=zone)
    with tenancy.acting_for(organization.id):
        schedule.promise_regular_work(utc(before))
        early = {job.arguments["day"] for job in OutboxJob.here().all(OutboxJob.name == "daily")}
        for minutes in (0, 5, 600):
            schedule.promise_regular_work(utc(begins) + timedelta(minutes=minutes))
        days = Counter(job.arguments["day"] for job in OutboxJob.here().all(OutboxJob.name == "daily"))
    assert early == set()
    assert days == Counter({day: 1})


@pytest.mark.case("F26")
def test_after_missed_nights_the_next_tick_promises_the_day_it_is(app: Flask) -> None:
    organization = factories.make_organization(timezone="UTC")
    with tenancy.acting_for(organization.id):
        for moment in ("2026-05-01 04:00", "2026-05-04 04:00"):
            schedule.promise_regular_work(utc(moment))
        found = OutboxJob.here().all(OutboxJob.name == "daily", order_by=OutboxJob.id)
    assert [job.arguments["day"] for job in found] == ["2026-05-01", "2026-05-04"]


@pytest.mark.case("F26")
def test_two_schedulers_promise_everything_once(installation: Installation, office: Office) -> None:
    installation.start_scheduler("one")
    installation.start_scheduler("two")
    until(lambda: office.jobs("queued"))
    installation.start_worker()
    until(lambda: not office.jobs("queued", "running"))
    promised = Counter((job.name, job.dedupe_key) for job in office.all(OutboxJob))
    assert promised and set(promised.values()) == {1}
    assert {job.attempts for job in office.jobs("done")} == {1}


def faketime() -> str:
    ending = "dylib" if sys.platform == "darwin" else "so"
    for folder in ("/usr/lib", "/usr/local/lib", "/opt/homebrew/lib"):
        for found in Path(folder).glob(f"**/faketime/libfaketimeMT*{ending}*"):
            return str(found)
    raise AssertionError("These tests need libfaketime: make setup installs it.")


def clock_off_by(span: str) -> dict[str, str]:
    """The environment of a process that lives so far in the future or the past."""
    preload = "DYLD_INSERT_LIBRARIES" if sys.platform == "darwin" else "LD_PRELOAD"
    return {preload: faketime(), "FAKETIME": span, "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}


@pytest.mark.case("F27")
@pytest.mark.parametrize("wrong", ["+1h", "-1h"])
def test_what_is_due_is_a_matter_of_the_database_s_clock(
    installation: Installation, office: Office, wrong: str
) -> None:
    fake = clock_off_by(wrong)
    with office.installation.app.app_context(), transaction():
        later(Job.LOOK_THROUGH_EVENTS, once="due now")
        later(Job.LOOK_THROUGH_EVENTS, once="due later", at=datetime.now(UTC) + timedelta(minutes=30))
    hours = {f"{datetime.now(UTC):%Y-%m-%dT%H}"}

    installation.start_worker(**fake)
    installation.start_scheduler(**fake)

    until(lambda: "due now" in {job.dedupe_key for job in office.jobs("done")})
    until(lambda: [job for job in office.all(OutboxJob) if job.dedupe_key not in ("due now", "due later")])
    hours.add(f"{datetime.now(UTC):%Y-%m-%dT%H}")
    [waiting] = [job for job in office.all(OutboxJob) if job.dedupe_key == "due later"]
    assert (waiting.state.value, waiting.attempts) == ("queued", 0)
    looks = {job.dedupe_key for job in office.all(OutboxJob) if job.name == "look_through_events"}
    assert looks - {"due now", "due later"} <= hours, "the hour is the database's, too"
    assert office.processor.events_seen_until <= datetime.now(UTC)


def start_web_in_a_wrong_time(installation: Installation, wrong: str) -> None:
    """A server without watchdogs, which would miss their own heartbeats."""
    port = str(installation.port)
    installation.start("web", "-m", "flask", "--app", "wsgi", "run", "-p", port, **clock_off_by(wrong))
    until(lambda: installation.get("/healthz").status == 200)


@pytest.mark.case("F27")
@pytest.mark.parametrize("wrong", ["+5m", "-5m"])
def test_cookies_links_and_seals_hold_on_a_machine_whose_clock_is_five_minutes_off(
    installation: Installation, office: Office, stripe: SandboxControl, wrong: str
) -> None:
    admin = factories.make_admin()
    cookie = office.cookie_of(admin)
    secret = installation.environment["SECRET_KEY"]
    reset = password_reset.token(admin, secret, at=datetime.now(UTC))
    stripe.pay(paying.open_checkout(office.owed(), ADDRESSES).url or "")

    start_web_in_a_wrong_time(installation, wrong)

    home = f"/o/{office.organization.slug}/national/"
    page = installation.get(home, Cookie=cookie)
    assert page.status == 200
    assert installation.get(f"/password-reset/{reset}").status == 200
    assert office.deliver(stripe.objects("event")[0]).status == 200
    cookie_made_there = page.headers.get("Set-Cookie", "").partition(";")[0] or cookie
    serializer = installation.app.session_interface.get_signing_serializer(installation.app)
    assert serializer.loads(cookie_made_there.partition("=")[2], max_age=60)


@pytest.mark.case("F27")
@pytest.mark.parametrize("wrong", ["+1h", "-1h"])
def test_a_code_of_a_telephone_that_knows_the_time_signs_in_where_the_clock_is_an_hour_off(
    installation: Installation, office: Office, wrong: str
) -> None:
    admin, telephone = admin_with_app()
    start_web_in_a_wrong_time(installation, wrong)

    with requests.Session() as browser:
        send_form(browser, f"{installation.url}/", email=admin.email or "", password=PASSWORD)
        asked = f"{installation.url}/second-factor"
        hour_ago = send_form(browser, asked, code=telephone.at(datetime.now(UTC) - timedelta(hours=1)))
        in_an_hour = send_form(browser, asked, code=telephone.at(datetime.now(UTC) + timedelta(hours=1)))
        now = send_form(browser, asked, code=telephone.now())
        home = browser.get(f"{installation.url}/o/{office.organization.slug}/national/")

    assert (hour_ago.status_code, in_an_hour.status_code) == (422, 422)
    assert now.url.endswith("/national/")
    assert (home.status_code, home.url.endswith("/national/")) == (200, True)


PASSWORD = "plum ladder seventeen otters"


def admin_with_app() -> tuple[Login, pyotp.TOTP]:
    admin = factories.make_admin()
    with transaction():
        admin.choose_password(PASSWORD)
        app = AuthenticatorApp.prepare(admin, wiring.key_ring())
        app.confirmed_at = datetime.now(UTC)
    return admin, pyotp.TOTP(app.reveal(wiring.key_ring()))


def send_form(browser: requests.Session, address: str, **fields: str) -> requests.Response:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get(address, timeout=30).text)
    assert token
    return browser.post(address, fields | {"csrf_token": token[1]}, timeout=30)
