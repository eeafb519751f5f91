from datetime import date
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests import factories
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.reporting.health.scores import ChapterHealthScore
from webapp.domain.reporting.snapshots import Snapshot

DUE = date(2026, 9, 1)


def run(app: Flask, *arguments: str) -> Result:
    db.session.rollback()
    return app.test_cli_runner().invoke(args=list(arguments))


def test_a_day_is_passed_once_and_says_what_it_did(app: Flask, organization: Any) -> None:
    factories.make_invoice(due_on=DUE, grace_ends_on=DUE)

    first = run(app, "jobs", "daily", organization.slug, "--on", "2026-09-08")
    again = run(app, "jobs", "daily", organization.slug, "--on", "2026-09-08")

    assert first.stdout == f"{organization.slug}\t2026-09-08\t1\t1\tdone\n"
    assert again.stdout == f"{organization.slug}\t2026-09-08\t1\t1\twas done before\n"
    assert Invoice.here().all()[0].status is InvoiceStatus.OVERDUE
    assert [one.as_of for one in Snapshot.here().all()] == [date(2026, 9, 7)]
    assert [one.as_of for one in ChapterHealthScore.here().all()] == [date(2026, 9, 7)]


def test_nothing_is_written_down_for_good_of_a_day_to_come(app: Flask, organization: Any) -> None:
    factories.make_invoice(due_on=DUE, grace_ends_on=DUE)

    run(app, "jobs", "daily", organization.slug, "--on", organization.tomorrow.isoformat())

    assert Snapshot.here().all() == ChapterHealthScore.here().all() == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("jobs", "daily"), "Name one organization, or say --all."),
        (("jobs", "daily", "no-such"), "no-such"),
        (("duesbook", "seed", "--members", "20", "--chapters", "30"), "at least 10 members for each of 30"),
    ],
)
def test_bad_input_is_one_sentence(
    app: Flask, organization: Any, arguments: tuple[str, ...], sentence: str
) -> None:
    refused = run(app, *arguments)

    assert refused.exit_code == 1
    assert sentence in refused.output and len(refused.output.splitlines()) == 1
