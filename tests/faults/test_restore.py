"""Yesterday's backup is restored: the money of today is found again, and nobody hears anything twice."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.engine import make_url

from tests import factories
from tests.autopaying import save_method
from tests.jobs import JobRunner
from tests.processor import Shop, fresh
from tests.rows import Rows
from tests.services import Database
from webapp import wiring
from webapp.adapters.mail_folder import MailFolder
from webapp.core import signs
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, JobState, OutboxJob, later
from webapp.core.signs import Sign
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code
from webapp.domain.notifications.delivery import Mail, MailState
from webapp.domain.organizations import LoginSession
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.domain.payments.saved_methods import SavedMethod
from webapp.domain.reporting.verification.books import Verification
from webapp.workers.healing import PERHAPS_SENT

ROLES = Path(__file__).parents[2] / "docs" / "deploy" / "roles.sql"
BALANCES = (Code.RECEIVABLE, Code.PROCESSOR_CLEARING, Code.BANK_CHARGES, Code.DUES_INCOME, Code.REFUNDS)


@pytest.fixture
def operator(app: Flask, database: Database, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs commands as on a server of one's own, where a role that sees every row makes backups."""
    able = app.config["SETTINGS"].model_copy(update={"backup_database_url": database.superuser_url})
    monkeypatch.setitem(app.config, "SETTINGS", able)

    def run(*arguments: str) -> Result:
        db.session.remove()
        rows.close()
        return app.test_cli_runner().invoke(args=["duesbook", *arguments])

    yield run


@pytest.fixture
def shop(shop: Shop, jobs: JobRunner) -> Shop:
    """Its mails are delivered as well."""
    shop.jobs = jobs
    return shop


def mailbox(app: Flask) -> list[str]:
    folder: MailFolder = wiring.mail_folder()
    return sorted(mail.name for mail in folder.newest(100))


def books(shop: Shop) -> dict[Code, int]:
    return {code: shop.balance(code) for code in BALANCES}


@pytest.mark.case("F30")
def test_a_restored_backup_heals_from_the_processor_and_sends_nothing_twice(
    shop: Shop, app: Flask, operator: Any, tmp_path: Path
) -> None:
    paid_before = shop.paid(shop.owed())
    opened, untouched = shop.owed(30_000), shop.owed(20_000)
    later_paid = [opened.id, untouched.id]
    page = shop.open(opened)
    with transaction():
        later(Job.ANNOUNCE, what="payment_received", payment_id=paid_before.id)
    file = tmp_path / "yesterday.dump"
    assert operator("backup", str(file)).exit_code == 0

    card_id = save_method(shop).id
    shop.refund(5_000)
    shop.pay(page)
    shop.hear()
    shop.paid(fresh(Invoice, later_paid[1]))
    told, true_books = mailbox(app), books(shop)
    assert len(told) >= 3
    done = operator("restore", str(file), "--replace")

    assert done.exit_code == 0, done.output
    assert [fresh(Invoice, each).status for each in later_paid] == [InvoiceStatus.PAID] * 2
    assert books(shop) == true_books
    assert fresh(SavedMethod, card_id).label == "Visa ending 4242"
    shop.work_later()
    assert mailbox(app) == told
    assert books(shop) == true_books
    noted = Verification.latest()
    assert noted is not None and noted.differences == 0
    assert Sign.RESTORE in signs.seen()


@pytest.mark.case("F30")
def test_healing_again_changes_nothing(shop: Shop, operator: Any, tmp_path: Path) -> None:
    invoice = shop.owed()
    file = tmp_path / "yesterday.dump"
    operator("backup", str(file))
    shop.paid(invoice)
    first = operator("restore", str(file), "--replace")
    assert [line.split("\t")[2:] for line in first.stdout.splitlines()] == [["400.00", "succeeded"]]
    before = books(shop)

    again = operator("heal")

    assert (again.exit_code, again.stdout) == (0, "")
    assert books(shop) == before


@pytest.mark.case("F30")
def test_what_waited_in_the_backup_is_shown_and_neither_sent_nor_done(
    shop: Shop, app: Flask, operator: Any, tmp_path: Path
) -> None:
    shop.paid(shop.owed())
    with transaction() as session:
        waiting = session.scalars(select(Mail).limit(1)).one()
        waiting.state = MailState.QUEUED
        later(Job.DELIVER_MAILS, mails=str(waiting.id))
        later(Job.DAILY, once="yesterday", day="2026-11-20")
    file = tmp_path / "yesterday.dump"
    operator("backup", str(file))
    told = mailbox(app)

    operator("restore", str(file), "--replace")
    shop.work_later()

    assert mailbox(app) == told
    mail = fresh(Mail, waiting.id)
    assert (mail.state, mail.note, mail.can_be_sent_again) == (MailState.FAILED, PERHAPS_SENT, True)
    [day] = [job for job in OutboxJob.here().all() if job.dedupe_key == "yesterday"]
    assert day.state is JobState.DEAD


@pytest.mark.case("F30")
def test_money_for_an_invoice_that_is_forgotten_is_named_for_a_person(
    shop: Shop, operator: Any, tmp_path: Path
) -> None:
    file = tmp_path / "yesterday.dump"
    operator("backup", str(file))
    page = shop.open(shop.owed())
    shop.pay(page)
    reference = page.session_reference

    done = operator("restore", str(file), "--replace")

    assert done.exit_code == 1
    assert f"{reference}: A page was opened for an invoice that is not in this database" in done.stderr


@pytest.mark.case("F30")
def test_a_page_that_is_still_open_can_be_paid_after_the_restore(
    shop: Shop, operator: Any, tmp_path: Path
) -> None:
    invoice = shop.owed()
    file = tmp_path / "yesterday.dump"
    operator("backup", str(file))
    page = shop.open(invoice)
    operator("restore", str(file), "--replace")

    shop.pay(page)
    shop.hear()

    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID
    assert fresh(Payment, page.payment_id).state is PaymentState.SUCCEEDED


def test_a_processor_that_does_not_answer_is_healed_later(
    shop: Shop, app: Flask, operator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = shop.owed()
    file = tmp_path / "yesterday.dump"
    operator("backup", str(file))
    shop.paid(invoice)
    with monkeypatch.context() as meanwhile:
        away = app.config["SETTINGS"].model_copy(update={"stripe_api_base": "http://127.0.0.1:1"})
        meanwhile.setitem(app.config, "SETTINGS", away)
        done = operator("restore", str(file), "--replace")
    assert done.exit_code == 1 and "flask duesbook heal" in done.stderr

    assert operator("heal").exit_code == 0

    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID


def test_a_session_that_was_ended_since_does_not_come_back(
    organization: Any, client: FlaskClient, sign_in: Any, operator: Any, tmp_path: Path
) -> None:
    sign_in(client, factories.make_admin())
    file = tmp_path / "yesterday.dump"
    operator("backup", str(file))

    operator("restore", str(file), "--replace")

    assert [one.ended_at is not None for one in db.session.scalars(select(LoginSession))] == [True]


def test_a_backup_that_is_damaged_or_would_replace_something_is_refused(
    organization: Any, app: Flask, operator: Any, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "yesterday.dump"
    made = operator("backup", str(tmp_path))
    assert made.exit_code == 0 and "CREDENTIAL_KEYS" in made.stderr
    Path(made.stdout.split("\t")[0]).rename(file)

    nowhere = operator("restore", str(tmp_path / "nothing.dump"))
    unproven = operator("restore", str(file))
    [beside] = tmp_path.glob("*.sha256")
    beside.rename(tmp_path / "yesterday.dump.sha256")
    unasked = operator("restore", str(file))
    with psycopg.connect(database.app_url):
        busy = operator("restore", str(file), "--replace")
    with file.open("ab") as damaged:
        damaged.write(b"x")
    broken = operator("restore", str(file), "--replace")

    said = ["There is no file", "is missing", "Say --replace", "is in use", "is damaged"]
    for result, words in zip((nowhere, unproven, unasked, busy, broken), said, strict=True):
        assert result.exit_code == 1 and words in result.stderr, result.output
        assert len(result.stderr.strip().splitlines()) == 1


def test_the_role_of_the_manual_backs_up_every_row(
    organization: Any,
    app: Flask,
    operator: Any,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    made = re.findall(r"^.*duesbook_backup.*;$", ROLES.read_text(), re.MULTILINE)
    url = make_url(database.superuser_url).set(username="duesbook_backup", password="of-the-test")
    able = app.config["SETTINGS"].model_copy(
        update={"backup_database_url": url.render_as_string(hide_password=False)}
    )
    monkeypatch.setitem(app.config, "SETTINGS", able)
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        for statement in made:
            connection.execute(statement.replace(":'backup_password'", "'of-the-test'"))
        try:
            done = operator("backup", str(tmp_path / "all.dump"))
        finally:
            connection.execute("DROP ROLE duesbook_backup")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "all.dump").stat().st_mode & 0o077 == 0


def test_a_role_that_does_not_see_every_row_is_told_so(
    organization: Any, app: Flask, database: Database, tmp_path: Path
) -> None:
    done = app.test_cli_runner().invoke(args=["duesbook", "backup", str(tmp_path / "half.dump")])
    assert done.exit_code == 1 and "BACKUP_DATABASE_URL" in done.stderr
    assert list(tmp_path.iterdir()) == []
