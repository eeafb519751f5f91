from datetime import date
from typing import Any

import psycopg
import pytest
from click.testing import Result
from flask import Flask

from tests.processor import Shop, fresh
from tests.services import Database
from webapp.core.db import db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.reporting.verification import seals
from webapp.domain.reporting.verification.seals import Seal


def run(app: Flask, *arguments: str) -> Result:
    db.session.rollback()
    return app.test_cli_runner().invoke(args=["ledger", *arguments])


def test_books_that_agree_end_well(app: Flask, shop: Shop) -> None:
    shop.record(shop.owed(), 10_000)

    result = run(app, "verify", shop.organization.slug)

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"The books of {shop.organization.slug} agree.\n"


def test_books_that_differ_are_listed_and_fail(app: Flask, shop: Shop) -> None:
    invoice = shop.owed()
    with transaction():
        fresh(Invoice, invoice.id).billed += 1

    result = run(app, "verify", "--all")

    assert result.exit_code == 1
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert {slug for slug, _ in rows} == {shop.organization.slug}
    assert [difference.partition(": ")[2] for _, difference in rows] == [
        "should be 400.00 USD, is 400.01 USD",
        "should be 400.01 USD, is 400.00 USD",
    ]
    with transaction():
        fresh(Invoice, invoice.id).billed -= 1


@pytest.mark.case("A20")
def test_a_seal_that_does_not_hold_is_named_and_fails_and_one_that_holds_is_told(
    app: Flask, shop: Shop, database: Database
) -> None:
    shop.owed()
    for _ in range(2):
        with transaction():
            seals.seal_next()
    latest = Seal.latest()
    assert latest is not None
    hold = f"Its seals hold, up to {latest.number} {latest.fingerprint}"
    intact = run(app, "verify", shop.organization.slug)
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE seals SET fingerprint = repeat('0', 64) WHERE number = 1")

    result = run(app, "verify", shop.organization.slug)

    assert hold in intact.stderr
    assert result.exit_code == 1
    assert result.stdout == f"{shop.organization.slug}\tSeal 1 itself was changed.\n"


@pytest.mark.parametrize("arguments", [(), ("no-such-organization",), ("pi-chi", "--all")])
def test_an_organization_has_to_be_named(app: Flask, organization: Any, arguments: tuple[str, ...]) -> None:
    result = run(app, "verify", *arguments)

    assert result.exit_code == 1
    assert result.output.startswith("Error: ") and len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("form", "beginning"),
    [("hledger", "; Pi Chi Fraternity"), ("beancount", 'option "title"'), ("csv", "date,entry,event")],
)
def test_the_journal_is_printed_in_each_form(app: Flask, shop: Shop, form: str, beginning: str) -> None:
    shop.owed()

    result = run(app, "export", shop.organization.slug, "--format", form, "--from", "2025-01-01")

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(beginning)
    assert "400.00" in result.stdout


def test_an_export_of_other_days_holds_no_entry(app: Flask, shop: Shop) -> None:
    entry_day = shop.owed().issued_on
    assert entry_day > date(2025, 1, 31)

    result = run(app, "export", shop.organization.slug, "--format", "csv", "--to", "2025-01-31")

    assert len(result.stdout.splitlines()) == 1
