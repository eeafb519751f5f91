"""Letters that would take all the memory or all the time there is: their job is stopped, and says so."""

import struct
import subprocess
import zlib
from dataclasses import replace

import psycopg
import pytest

from tests import factories
from tests.faults.installation import Installation, until
from tests.faults.office import Office
from webapp.adapters.rq_dispatcher import RqDispatcher
from webapp.core.db import transaction
from webapp.core.jobs import Job, Nudge, OutboxJob, later
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.run import BillingRun
from webapp.domain.notifications import paper
from webapp.domain.organizations import Chapter

LINES = 5_000


@pytest.fixture
def run(office: Office) -> BillingRun:
    """Of members without an email address."""
    chapter, status = Chapter.here().get(office.chapter_id), factories.make_status("pledge")
    for _ in range(20):
        factories.make_member(chapter, status, email=None)
    period, schedule = factories.make_period(), factories.make_schedule(amount=LINES, status_id=status.id)
    return factories.bill(period, schedule)


def as_superuser(office: Office, statement: str, values: list[object]) -> None:
    """Past every form and every rule of the tables: no page lets anybody get this far."""
    url = office.installation.servers.postgres.superuser_url
    name = office.installation.environment["DATABASE_URL"].rpartition("/")[2]
    with psycopg.connect(url, dbname=name) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement, values)


def black_picture(side: int) -> bytes:
    """A PNG that is small as a file and huge as a picture."""
    packed = zlib.compressobj(1)
    row = bytes(1 + 3 * side)
    pixels = b"".join(packed.compress(row) for _ in range(side)) + packed.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(kind, data) for kind, data in parts)


def _part(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def give_logo(office: Office, picture: bytes | None) -> None:
    as_superuser(
        office, "UPDATE organizations SET logo = %s WHERE id = %s", [picture, office.organization.id]
    )


def ask_for_letters(run: BillingRun) -> None:
    admin = factories.make_admin()
    with transaction():
        paper.ask(BillingRun.here().get(run.id, lock=True), by=admin)


def letters_job(office: Office) -> OutboxJob:
    [job] = [job for job in office.all(OutboxJob) if job.name == Job.DRAW_LETTERS.work.name]
    return job


def nudge(office: Office, job: OutboxJob, **changes: int) -> None:
    """As the sweeper does, perhaps with less time than usual."""
    work = replace(Job.DRAW_LETTERS.work, **changes)
    redis_url = office.installation.environment["REDIS_URL"]
    RqDispatcher(redis_url).nudge([Nudge(office.organization.id, job.id, work)])


def still_works(office: Office) -> bool:
    """Whether the same worker does what comes next."""
    with transaction():
        later(Job.LOOK_THROUGH_EVENTS, once="afterwards")
    [job] = [job for job in office.jobs("queued") if job.dedupe_key == "afterwards"]
    RqDispatcher(office.installation.environment["REDIS_URL"]).nudge(
        [Nudge(office.organization.id, job.id, Job.LOOK_THROUGH_EVENTS.work)]
    )
    until(lambda: "afterwards" in {job.dedupe_key for job in office.jobs("done")})
    return office.installation.is_running("worker")


@pytest.mark.case("F31")
def test_an_invoice_of_five_thousand_lines_is_a_letter_of_a_few_pages(
    installation: Installation, office: Office, run: BillingRun
) -> None:
    invoice = Invoice.here().all(Invoice.run_id == run.id)[0]
    one_line = "organization_id = %s AND invoice_id = %s"
    where = [office.organization.id, invoice.id]
    as_superuser(office, f"UPDATE invoice_lines SET amount = 1 WHERE {one_line}", where)
    columns = "organization_id, invoice_id, kind, description, amount, income_account_id"
    as_superuser(
        office,
        f"INSERT INTO invoice_lines (id, position, {columns})"
        f" SELECT gen_random_uuid(), number, {columns} FROM invoice_lines,"
        f" generate_series(2, {LINES}) number WHERE {one_line}",
        where,
    )
    installation.start_worker()
    ask_for_letters(run)
    nudge(office, letters_job(office))
    until(lambda: letters_job(office).state.value == "done")
    [drawn] = paper.drawings(run)
    read = subprocess.run(["pdftotext", "-", "-"], input=drawn, capture_output=True, check=True)
    assert "4800 more lines" in " ".join(read.stdout.decode().split())


@pytest.mark.case("F31")
@pytest.mark.parametrize(
    ("side", "seconds", "sentence"),
    [(13_000, 300, "more memory than a job may have"), (8_000, 1, "longer than such a job may")],
    ids=["memory", "time"],
)
def test_a_huge_picture_ends_its_job_with_a_sentence_and_the_worker_goes_on(
    installation: Installation, office: Office, run: BillingRun, side: int, seconds: int, sentence: str
) -> None:
    give_logo(office, black_picture(side))
    installation.start_worker()
    ask_for_letters(run)
    nudge(office, letters_job(office), lease=seconds)
    until(lambda: letters_job(office).last_error)
    stopped = letters_job(office)
    assert sentence in str(stopped.last_error) and stopped.state.value == "queued"
    assert still_works(office)

    give_logo(office, None)
    as_superuser(office, "UPDATE outbox SET due_at = now() WHERE id = %s", [stopped.id])
    nudge(office, stopped)
    until(lambda: letters_job(office).state.value == "done")
