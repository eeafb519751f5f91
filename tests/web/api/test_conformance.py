"""The API does what its own description says, whatever is sent to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from datetime import date
from threading import Thread
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis import engine
from schemathesis.config import (
    ChecksConfig,
    GenerationConfig,
    PhasesConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
    StatefulPhaseConfig,
)
from schemathesis.engine import events
from sqlalchemy import select
from werkzeug.serving import make_server

from tests import factories
from tests.processor import connect
from tests.sandbox.control import SandboxControl
from tests.web.api.conftest import Program, operations
from tests.web.specimens import (
    make_approval,
    make_batch,
    make_bulk_action,
    make_credit,
    make_dispute,
    make_method,
    make_plan,
)
from webapp.core.db import db, transaction
from webapp.domain import ledger
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.billing.spreading import as_named, only
from webapp.domain.credits import applying
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.organizations import Chapter, RoleName
from webapp.domain.payments import allocation
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.refunds.refund import How
from webapp.domain.refunds.requesting import Terms, request_refund

OPERATIONS = operations()
SEED = 20260901
EXAMPLES = 5
REFUSALS = ["2xx", "403", "404", "409", "422"]


@pytest.fixture
def one_of_each(organization: Any, chapter: Chapter, sandbox: SandboxControl) -> dict[str, str]:
    """One row of every kind, by the name that paths give its id."""
    connect()
    status = factories.make_status()
    member = factories.make_member(chapter, status)
    invoice, paid = (factories.make_invoice(amount, member=member) for amount in (40_000, 5_000))
    with transaction():
        payment = record_offline(
            member,
            5_000,
            method=Method.CHECK,
            on=organization.today,
            by=None,
            reference="1024",
            spread=only(paid),
        )
    treasurer = factories.make_login("Theo Treasurer")
    factories.make_role(treasurer, RoleName.TREASURER, chapter=chapter)
    with transaction():
        asked = make_approval(invoice.id, treasurer)
        refunded = request_refund(
            paid.id,
            payment.id,
            Terms(1_000, How.CHECK, "Paid too much", check_number="2041"),
            by=treasurer,
            on=organization.today,
        )
    with transaction() as session:
        dispute = make_dispute(payment)
        session.add(dispute)
        span = ledger.close_span(date(1990, 1, 1), date(1990, 1, 31), by=None)
        action = make_bulk_action(invoice, treasurer)
    rest, application = _credit(member, invoice)
    period = db.session.scalars(select(BillingPeriod).limit(1)).one()
    schedule = db.session.scalars(select(AssessmentSchedule).limit(1)).one()
    found = {
        "organization_id": organization.id,
        "chapter_id": chapter.id,
        "member_id": member.id,
        "invoice_id": invoice.id,
        "adjustment_id": asked.subject_id,
        "action_id": action.id,
        "payment_id": payment.id,
        "allocation_id": allocation.live_allocations(payment)[0].id,
        "note_id": rest.id,
        "application_id": application.id,
        "batch_id": make_batch(chapter, [(member.number, "1.00")], factories.make_login()).id,
        "refund_id": refunded.refund.id,
        "dispute_id": dispute.id,
        "status_id": status.id,
        "rate_id": factories.make_rate(status, 40_000).id,
        "period_id": period.id,
        "schedule_id": schedule.id,
        "run_id": invoice.run_id,
        "span_id": span.id,
        "method_id": make_method(member, PaymentProcessor.current().id).id,
        "plan_id": make_plan(member, treasurer, factories.make_login(), organization).id,
        "approval_id": asked.id,
    }
    return {f"path.{name}": str(row_id) for name, row_id in found.items()}


def _credit(member: Any, invoice: Any) -> tuple[CreditNote, CreditApplication]:
    """A credit note of which a part pays the invoice; the rest is open."""
    admin = factories.make_admin()
    with transaction():
        note = make_credit(member, admin)
        [application] = applying.apply(note.id, as_named({invoice.id: 1_000}), on=note.issued_on, by=admin)
    rest = CreditNote.here().first(CreditNote.parent_id == note.id)
    assert rest is not None
    return rest, application


@pytest.mark.parametrize("topic", sorted({operation.topic for operation in OPERATIONS}))
def test_every_operation_answers_as_its_description_says(
    app: Flask, admin: Program, one_of_each: dict[str, str], topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "testing", False)
    unhurried = app.config["SETTINGS"].model_copy(update={"api_calls_per_minute": 1_000_000})
    monkeypatch.setitem(app.config, "SETTINGS", unhurried)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # or every request looks through the environment for one
    with served(app) as address:
        whole = schemathesis.openapi.from_url(f"{address}/api/openapi.json", config=plan(admin, one_of_each))
        happened = list(engine.from_schema(whole.include(tag=topic)).execute())
    tried = {event.label for event in happened if isinstance(event, events.ScenarioFinished)}
    assert problems(happened) == []
    assert len(tried) == len([operation for operation in OPERATIONS if operation.topic == topic])


def plan(admin: Program, rows: dict[str, str]) -> SchemathesisConfig:
    return SchemathesisConfig(
        seed=SEED,
        projects=ProjectsConfig(
            default=ProjectConfig(
                headers={"Authorization": f"Bearer {admin.token}"},
                parameters=rows,
                continue_on_failure=True,
                generation=GenerationConfig(
                    max_examples=EXAMPLES, deterministic=True, no_shrink=True, database="none"
                ),
                phases=PhasesConfig(stateful=StatefulPhaseConfig(enabled=False)),
                checks=ChecksConfig.from_dict(
                    {
                        "positive_data_acceptance": {"expected-statuses": REFUSALS},
                        "negative_data_rejection": {"expected-statuses": ["4xx"]},
                    }
                ),
            )
        ),
    )


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """On a port of this machine, every request in a context of its own."""

    def serve(environ: Any, start_response: Any) -> Any:
        return Context().run(app, environ, start_response)

    server = make_server("127.0.0.1", 0, serve, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


def problems(happened: list[Any]) -> list[str]:
    """What went wrong, a line each, with what was sent."""
    found = [
        f"{event.label}: {event.value!r}" for event in happened if isinstance(event, events.NonFatalError)
    ]
    for event in happened:
        if not isinstance(event, events.ScenarioFinished):
            continue
        for case_id, checks in event.recorder.checks.items():
            for check in checks:
                if check.failure_info is not None:
                    case = event.recorder.cases[case_id].value
                    answer = event.recorder.interactions[case_id].response
                    sent = f"{case.method} {case.formatted_path} {case.query} {str(case.body)[:300]}"
                    said = f"{answer.status_code} {answer.content[:300]!r}" if answer else "nothing"
                    found.append(f"{check.name}: {check.failure_info.failure.message}: {sent} -> {said}")
    return found
