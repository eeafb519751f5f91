"""The demo's story, in a year: booked as the product books, and true at the processor as well."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask

from tests import factories
from tests.conftest import made_once
from tests.rows import Rows
from tests.sandbox.control import SandboxControl
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.core.jobs import OutboxJob
from webapp.demo import bank_news, connection, roster, story
from webapp.demo.seed import SEED, Seeding
from webapp.domain.billing.adjustments import Adjustment
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits.credit_note import CreditNote, CreditState
from webapp.domain.ledger import periods
from webapp.domain.organizations import Chapter, Login, Member, Organization
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.gateway import DisputeState
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.domain.plans import answering
from webapp.domain.plans.plan import PaymentPlan, PlanState
from webapp.domain.refunds.refund import How, Refund, RefundState
from webapp.domain.reporting.health.notices import HealthNotice
from webapp.domain.reporting.health.scores import ChapterHealthScore


@pytest.fixture(scope="module")
def told(application: Flask, rows: Rows) -> Callable[[], Organization]:
    return made_once(application, rows, Seeding(years=1, seed=SEED, tell=lambda _: None).run)


@pytest.fixture
def demo(app: Flask, sandbox: SandboxControl, told: Callable[[], Organization]) -> Iterator[Organization]:
    organization = told()
    with tenancy.acting_for(organization.id):
        yield organization
        db.session.rollback()
        factories.verify_books(db.session.merge(organization))


def test_the_demo_is_a_whole_organization_with_officers_at_work_that_mails_nobody(demo: Organization) -> None:
    assert demo.is_demo
    assert len(Member.here().all()) == 1357
    assert any(invoice.owed == 0 for invoice in Invoice.here().all())
    assert any(invoice.owed > 0 for invoice in Invoice.here().all())
    assert Counter(adjustment.state.value for adjustment in Adjustment.here().all()) == {
        "approved": 2,
        "denied": 1,
        "requested": 2,
    }
    assert Payment.here().first(Payment.state == PaymentState.REVERSED) is not None
    assert {note.state for note in CreditNote.here().all()} == {
        CreditState.OPEN,
        CreditState.APPLIED,
        CreditState.WITHDRAWN,
    }
    plans = {plan.state: plan for plan in PaymentPlan.here().all()}
    assert set(plans) == {PlanState.PROPOSED, PlanState.ACTIVE}
    assert len({one.points for one in ChapterHealthScore.here().all()}) > 10
    assert {one.ended_on is None for one in HealthNotice.here().all()} == {True, False}
    assert periods.closed_through(demo.today.replace(year=demo.today.year - 1)) is not None
    assert OutboxJob.here().all() == []
    with transaction():
        offered = PaymentPlan.here().get(plans[PlanState.PROPOSED].id, lock=True)
        member = Login.by_email(story.MEMBER_EMAIL)
        assert member is not None
        answering.accept(offered, as_member=True, by=member, on=demo.today)


def test_every_card_payment_of_the_story_exists_at_the_processor_with_its_fee(
    demo: Organization, sandbox: SandboxControl
) -> None:
    connection.connect(demo)
    connection.connect(demo)

    processed = Payment.here().all(Payment.processor_id.is_not(None))
    assert {payment.intent_reference for payment in processed} == _names(sandbox.objects("payment_intent"))
    transactions = {one["source"]: one for one in sandbox.objects("balance_transaction")}
    ours = {payment.charge_reference: (payment.amount, payment.fee) for payment in processed}
    assert ours == {charge: (one["amount"], one["fee"]) for charge, one in transactions.items()}
    assert len(sandbox.objects("webhook_endpoint")) == 1

    bank_news.tell(demo)
    bank_news.tell(demo)

    states = {DisputeState.NEEDS_RESPONSE: 1, DisputeState.LOST: 2}
    assert Counter(dispute.state for dispute in Dispute.here().all()) == states
    by_processor = [one for one in Refund.here().all() if one.how is How.ORIGINAL]
    assert {one.state for one in by_processor} == {
        RefundState.SUCCEEDED,
        RefundState.FAILED,
        RefundState.REQUESTED,
    }


def _names(objects: list[dict[str, Any]]) -> set[str]:
    return {one["id"] for one in objects}


def test_the_same_seed_tells_the_same_story() -> None:
    first, again = story.Payers(SEED), story.Payers(SEED)
    asked = ("M-100", date(2025, 3, 1), date(2025, 1, 1), 400_00, date(2026, 1, 1))
    assert first.receipts(*asked) == again.receipts(*asked)


def test_the_demo_can_have_another_number_of_members_and_chapters(app: Flask) -> None:
    organization = Seeding(years=1, seed=SEED, members=60, chapters=3, tell=lambda _: None).run()
    with tenancy.acting_for(organization.id):
        people = Member.here().all()
        assert len(people) == 60 == len({one.email for one in people})
        assert {one.chapter_id for one in people} == {one.id for one in Chapter.here().all()}
        assert len(Chapter.here().all()) == 3
        db.session.rollback()
        factories.verify_books(db.session.merge(organization))


def test_more_than_the_roster_has_are_made_from_it_without_repeating_anybody() -> None:
    lines = roster.content(members=3000, chapters=30).decode().splitlines()
    numbers, addresses = {one.split(",")[0] for one in lines[1:]}, [one for one in lines if "@" in one]
    assert len(numbers) == 3000 and len(set(addresses)) == len(addresses)
    with pytest.raises(Invalid, match="at least 10 members for each of 30"):
        roster.content(members=20, chapters=30)
