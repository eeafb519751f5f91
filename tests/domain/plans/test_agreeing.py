"""Two sides agree on a plan: who may say what, what a limit asks for, and that no invoice is in two plans."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.domain.plans.conftest import TODAY, Chapter
from tests.jobs import JobRunner
from tests.processor import fresh
from webapp.core.audit import AuditEntry
from webapp.core.db import new_id, transaction
from webapp.core.errors import Conflict, Invalid, NotAllowed
from webapp.domain.approvals import Action, ApprovalState
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Member, RoleName
from webapp.domain.plans import answering, proposing
from webapp.domain.plans.answering import PlanNotAsAgreed
from webapp.domain.plans.plan import Installment, PaymentPlan, PlanInvoice, PlanState


def test_a_treasurer_proposes_and_the_member_accepts(chapter: Chapter) -> None:
    plan = chapter.propose(chapter.wish(3, down_payment=20_000))
    assert (plan.state, plan.total, chapter.held(chapter.invoices[0].id).on_plan) == (
        PlanState.PROPOSED,
        80_000,
        False,
    )

    chapter.accept(plan)

    found = fresh(PaymentPlan, plan.id)
    assert (found.state, found.accepted_on, found.accepted_by_id) == (PlanState.ACTIVE, TODAY, chapter.ana.id)
    assert [(one.due_on, one.amount) for one in Installment.here().all(order_by=Installment.position)] == [
        (TODAY, 20_000),
        (date(2026, 8, 31), 20_000),
        (date(2026, 9, 30), 20_000),
        (date(2026, 10, 31), 20_000),
    ]
    assert all(fresh(Invoice, one.id).on_plan for one in chapter.invoices)
    entries = AuditEntry.here().all(AuditEntry.subject_id == plan.id, order_by=AuditEntry.id)
    assert [entry.action for entry in entries] == ["plan proposed", "plan active"]


def test_a_member_proposes_and_an_officer_accepts(chapter: Chapter) -> None:
    plan = chapter.propose(by=chapter.ana)

    assert chapter.accept(plan, by=chapter.treasurer).state is PlanState.ACTIVE
    assert fresh(PaymentPlan, plan.id).accepted_by_id == chapter.treasurer.id


def test_nobody_accepts_the_own_proposal(chapter: Chapter) -> None:
    theirs = chapter.propose()
    with pytest.raises(NotAllowed):
        chapter.accept(theirs, by=chapter.admin)


def test_an_officer_speaks_for_the_organization_only_about_somebody_else(chapter: Chapter) -> None:
    factories.make_role(chapter.ana, RoleName.NATIONAL_ADMIN)
    member = fresh(Member, chapter.member.id)
    with pytest.raises(NotAllowed), transaction():
        proposing.propose(member, chapter.wish(), as_member=False, by=chapter.ana, on=TODAY)


def test_a_member_without_a_login_is_invited_first(chapter: Chapter) -> None:
    with transaction():
        fresh(Member, chapter.member.id).login_id = None
    with pytest.raises(Conflict, match="can't sign in"):
        chapter.propose()


def test_the_other_side_says_no_and_why(chapter: Chapter, jobs: JobRunner) -> None:
    plan = chapter.propose()
    with transaction():
        answering.refuse(
            PaymentPlan.here().get(plan.id, lock=True),
            as_member=True,
            reason="I can't pay so much",
            by=chapter.ana,
            on=TODAY,
        )
    jobs.run_all()

    found = fresh(PaymentPlan, plan.id)
    assert (found.state, found.ending) == (PlanState.REFUSED, "I can't pay so much")
    assert PlanInvoice.here().first(PlanInvoice.living) is None
    told = Mail.here().all(Mail.kind == MailKind.PAYMENT_PLAN)
    assert {mail.recipient for mail in told} == {chapter.member.email, chapter.treasurer.email}


def test_whoever_proposed_it_takes_it_back(chapter: Chapter) -> None:
    plan = chapter.propose(by=chapter.ana)
    with pytest.raises(NotAllowed), transaction():
        answering.withdraw(PaymentPlan.here().get(plan.id), as_member=False, by=chapter.treasurer, on=TODAY)
    with transaction():
        answering.withdraw(PaymentPlan.here().get(plan.id), as_member=True, by=chapter.ana, on=TODAY)

    assert chapter.propose(by=chapter.ana).state is PlanState.PROPOSED


def test_an_invoice_is_in_one_plan_that_is_open_or_kept(chapter: Chapter) -> None:
    plan = chapter.propose()
    with pytest.raises(Invalid) as refused:
        chapter.propose()
    assert list(refused.value.fields) == ["invoice_ids"]

    ana_id, invoice_id = fresh(PaymentPlan, plan.id).proposed_by_id, chapter.invoices[0].id
    with pytest.raises(IntegrityError, match="uq_payment_plan_invoices_living"), transaction() as session:
        other = PaymentPlan(
            id=new_id(), member_id=plan.member_id, chapter_id=plan.chapter_id, currency="USD", total=100,
            installments=1, starts_on=TODAY, payment_day=1, by_member=True, proposed_by_id=ana_id,
        )  # fmt: skip
        session.add(other)
        session.flush()
        session.add(PlanInvoice(plan_id=other.id, invoice_id=invoice_id, amount=100, living=True))


def test_a_plan_that_does_not_fit_any_more_is_not_begun(chapter: Chapter) -> None:
    plan = chapter.propose()
    chapter.pay(1_000)
    with pytest.raises(PlanNotAsAgreed, match="does not owe any more"):
        chapter.accept(plan)
    assert fresh(PaymentPlan, plan.id).state is PlanState.PROPOSED


def test_a_plan_is_accepted_at_the_latest_on_its_first_day(chapter: Chapter) -> None:
    plan = chapter.propose()
    with pytest.raises(PlanNotAsAgreed, match="has passed"):
        chapter.accept(plan, on=date(2026, 9, 1))
    assert chapter.accept(plan, on=date(2026, 8, 31)).state is PlanState.ACTIVE


@pytest.mark.parametrize("role", [RoleName.TREASURER])
def test_a_proposal_above_the_limit_is_approved_before_the_member_is_asked(
    chapter: Chapter, role: RoleName
) -> None:
    factories.allow_alone(role, Action.PAYMENT_PLAN, 79_999)
    plan = chapter.propose()
    request = chapter.request
    assert (plan.state, request.action, request.amount, request.cap) == (
        PlanState.WAITING,
        Action.PAYMENT_PLAN,
        80_000,
        79_999,
    )
    with pytest.raises(Conflict):
        chapter.accept(plan)

    chapter.approve()

    assert fresh(PaymentPlan, plan.id).state is PlanState.PROPOSED
    assert chapter.accept(plan).state is PlanState.ACTIVE


@pytest.mark.parametrize(("rate", "told"), [("6.5", "6.5"), ("10", "10"), ("0.125", "0.125")])
def test_a_plan_that_costs_interest_is_approved_as_it_was_asked_for(
    chapter: Chapter, rate: str, told: str
) -> None:
    factories.allow_alone(RoleName.TREASURER, Action.PAYMENT_PLAN, 0)
    plan = chapter.propose(chapter.wish(interest_rate=Decimal(rate)))
    assert chapter.request.terms["interest_rate"] == told

    chapter.approve()

    assert fresh(PaymentPlan, plan.id).state is PlanState.PROPOSED


@pytest.mark.parametrize("rate", ["0", "-1", "100.001", "6.1234", "0.0001", "NaN", "Infinity"])
def test_a_rate_that_can_not_be_kept_as_it_was_typed_is_refused(chapter: Chapter, rate: str) -> None:
    with pytest.raises(Invalid) as refused:
        chapter.propose(chapter.wish(interest_rate=Decimal(rate)))
    assert "three decimals" in refused.value.fields["interest_rate"]


def test_an_officers_yes_above_the_limit_counts_once_it_is_approved(chapter: Chapter) -> None:
    factories.allow_alone(RoleName.TREASURER, Action.PAYMENT_PLAN, 0)
    plan = chapter.propose(by=chapter.ana)
    assert chapter.accept(plan, by=chapter.treasurer).state is PlanState.WAITING

    chapter.approve()

    found = fresh(PaymentPlan, plan.id)
    assert (found.state, found.accepted_by_id) == (PlanState.ACTIVE, chapter.treasurer.id)


def test_what_was_denied_is_refused_with_the_reason(chapter: Chapter) -> None:
    factories.allow_alone(RoleName.TREASURER, Action.PAYMENT_PLAN, 0)
    plan = chapter.propose()

    chapter.deny()

    found = fresh(PaymentPlan, plan.id)
    assert (found.state, found.ending) == (PlanState.REFUSED, "Too long")


def test_a_proposal_that_is_withdrawn_leaves_the_queue(chapter: Chapter) -> None:
    factories.allow_alone(RoleName.TREASURER, Action.PAYMENT_PLAN, 0)
    plan = chapter.propose()
    with transaction():
        answering.withdraw(PaymentPlan.here().get(plan.id), as_member=False, by=chapter.treasurer, on=TODAY)
    assert chapter.request.state is ApprovalState.WITHDRAWN


def test_the_new_plan_takes_the_place_of_the_one_it_names_and_the_old_one_stays_readable(
    chapter: Chapter,
) -> None:
    old = chapter.agree()
    new = chapter.propose(chapter.wish(6, replaces=old), by=chapter.ana)
    assert fresh(PaymentPlan, old.id).state is PlanState.ACTIVE

    chapter.accept(new, by=chapter.treasurer)

    assert [fresh(PaymentPlan, one.id).state for one in (old, new)] == [
        PlanState.SUPERSEDED,
        PlanState.ACTIVE,
    ]
    assert len(PlanInvoice.here().all(PlanInvoice.plan_id == old.id)) == 3
    assert {one.plan_id for one in PlanInvoice.here().all(PlanInvoice.living)} == {new.id}
    assert all(fresh(Invoice, one.id).on_plan for one in chapter.invoices)


def test_a_change_that_is_refused_leaves_the_plan_and_its_invoices_as_they_were(chapter: Chapter) -> None:
    old = chapter.agree()
    new = chapter.propose(chapter.wish(6, replaces=old))

    with transaction():
        held = PaymentPlan.here().get(new.id, lock=True)
        answering.refuse(held, as_member=True, reason="Too long", by=chapter.ana, on=TODAY)

    assert fresh(PaymentPlan, old.id).state is PlanState.ACTIVE
    assert all(fresh(Invoice, one.id).on_plan for one in chapter.invoices)
    assert {one.plan_id for one in PlanInvoice.here().all(PlanInvoice.living)} == {old.id}


def test_of_a_plan_one_change_is_proposed_at_a_time(chapter: Chapter) -> None:
    old = chapter.agree()
    chapter.propose(chapter.wish(6, replaces=old))
    with pytest.raises(Conflict, match="A change of this plan has been proposed already"):
        chapter.propose(chapter.wish(5, replaces=old))


def test_a_change_is_not_accepted_when_another_plan_has_taken_an_invoice_of_it(chapter: Chapter) -> None:
    """A plan of one invoice is to be changed into one of all three; meanwhile another is proposed."""
    first, *others = [one.id for one in chapter.invoices]
    old = chapter.agree(replace(chapter.wish(), invoice_ids=[first]))
    new = chapter.propose(chapter.wish(6, replaces=old))
    chapter.propose(replace(chapter.wish(), invoice_ids=others))

    with pytest.raises(PlanNotAsAgreed, match="is in another plan by now"):
        chapter.accept(new)

    assert fresh(PaymentPlan, old.id).state is PlanState.ACTIVE


def test_a_plan_begins_at_the_latest_a_year_from_now(chapter: Chapter) -> None:
    with pytest.raises(Invalid):
        chapter.propose(chapter.wish(starts_on=TODAY + timedelta(days=367)))
