"""Who may adjust alone, who is asked, and that what is done is what was approved."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import psycopg
import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.jobs import JobRunner
from tests.processor import fresh
from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, NotAllowed, Refusal
from webapp.domain.approvals import Action, ApprovalRequest, ApprovalState
from webapp.domain.billing import adjusting
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind, AdjustmentState
from webapp.domain.billing.attachments import Attachment
from webapp.domain.billing.invoice import Invoice
from webapp.domain.ledger import JournalEntry
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Login, Member, Organization, RoleName
from webapp.domain.organizations.uploads import Document, MediaType

TODAY = date(2026, 7, 10)
REASON = "Decided by the board"


@dataclass(frozen=True)
class Office:
    organization: Organization
    invoice: Invoice
    treasurer: Login
    admin: Login
    member: Login

    def adjust(
        self, amount: int, kind: AdjustmentKind = AdjustmentKind.WAIVER, by: Login | None = None
    ) -> Adjustment:
        with transaction():
            return adjusting.adjust(
                fresh(Invoice, self.invoice.id),
                Change(kind, amount, REASON),
                by=by or self.treasurer,
                on=TODAY,
            )

    def ask_for_hardship(self, amount: int = 10_000, document: Document | None = None) -> Adjustment:
        with transaction():
            return adjusting.ask_for_hardship(
                fresh(Invoice, self.invoice.id), amount, "I lost my job", document=document, by=self.member
            )

    @property
    def request(self) -> ApprovalRequest:
        return fresh(ApprovalRequest, db.session.scalars(ApprovalRequest.here().select()).one().id)

    def approve(self, by: Login | None = None) -> None:
        with transaction():
            request = self.request
            request.approve(
                by=by or self.admin, seen=request.order_digest, carry_out=wiring.ACTIONS, on=TODAY
            )

    def deny(self) -> None:
        with transaction():
            self.request.deny(by=self.admin, reason="Not this year", tell=wiring.DENIALS, on=TODAY)

    @property
    def owed(self) -> int:
        return int(fresh(Invoice, self.invoice.id).owed)

    def mails(self) -> list[Mail]:
        return list(Mail.here().all(Mail.kind == MailKind.ADJUSTMENT))


@pytest.fixture
def office(organization: Organization) -> Office:
    chapter, status = factories.make_chapter(), factories.make_status()
    treasurer, login = factories.make_login("Tom Treasurer"), factories.make_login("Ana Member")
    member = factories.make_member(chapter, status, login_id=login.id)
    factories.make_role(treasurer, RoleName.TREASURER, chapter=chapter)
    factories.make_role(login, RoleName.MEMBER, member=member)
    invoice = factories.make_invoice(10_000, member=member)
    return Office(organization, invoice, treasurer, factories.make_admin(), login)


def test_without_a_policy_a_second_person_decides(office: Office) -> None:
    adjustment = office.adjust(2_000)

    assert (adjustment.state, office.owed) == (AdjustmentState.REQUESTED, 10_000)
    request = office.request
    assert (request.action, request.amount, request.cap) == (Action.ADJUSTMENT, 2_000, 0)
    assert (request.subject_id, request.invoice_id) == (adjustment.id, office.invoice.id)
    assert JournalEntry.here().first(JournalEntry.source_id == adjustment.id) is None


def test_what_was_approved_is_done_and_the_member_is_told(office: Office, jobs: JobRunner) -> None:
    adjustment = office.adjust(2_000)

    office.approve()

    found = fresh(Adjustment, adjustment.id)
    assert (found.state, found.decided_by_id, office.owed) == (
        AdjustmentState.APPROVED,
        office.admin.id,
        8_000,
    )
    db.session.rollback()
    jobs.run_all()
    assert [mail.member_id for mail in office.mails()] == [office.invoice.member_id]


def test_a_denied_one_changes_nothing(office: Office, jobs: JobRunner) -> None:
    adjustment = office.adjust(2_000)

    office.deny()

    found = fresh(Adjustment, adjustment.id)
    assert (found.state, found.decision_reason) == (AdjustmentState.DENIED, "Not this year")
    assert office.owed == 10_000
    assert JournalEntry.here().first(JournalEntry.source_id == adjustment.id) is None
    db.session.rollback()
    jobs.run_all()
    assert office.mails() == [], "The member had not asked for it"


def test_a_member_hears_why_hardship_was_denied(office: Office, jobs: JobRunner) -> None:
    office.ask_for_hardship()
    office.deny()
    db.session.rollback()
    jobs.run_all()
    [mail] = office.mails()
    assert mail.subject == f"Invoice {office.invoice.number}: your request was not granted"


@pytest.mark.case("F15")
def test_nobody_approves_the_own_request(office: Office) -> None:
    office.adjust(2_000, by=office.admin)
    with pytest.raises(NotAllowed, match="asked for this yourself"):
        office.approve(by=office.admin)
    assert office.owed == 10_000


def test_the_database_knows_four_eyes_as_well(office: Office) -> None:
    adjustment = office.adjust(2_000)
    with pytest.raises(IntegrityError) as refused, transaction():
        found = fresh(Adjustment, adjustment.id)
        found.state, found.decided_by_id, found.decided_at = (
            AdjustmentState.APPROVED,
            office.treasurer.id,
            office.admin.created_at,
        )
    assert isinstance(refused.value.orig, psycopg.errors.CheckViolation)
    assert "four_eyes" in str(refused.value.orig)


def test_within_the_limit_it_is_done_at_once(office: Office) -> None:
    factories.allow_alone(RoleName.TREASURER, Action.ADJUSTMENT, 5_000)

    adjustment = office.adjust(5_000)

    assert (adjustment.state, adjustment.decided_by_id) == (AdjustmentState.APPROVED, None)
    assert office.owed == 5_000
    assert ApprovalRequest.here().all() == []


def test_many_small_ones_do_not_slip_under_the_limit(office: Office) -> None:
    factories.allow_alone(RoleName.TREASURER, Action.ADJUSTMENT, 5_000)

    states = [office.adjust(2_000).state for _ in range(3)]

    assert states == [AdjustmentState.APPROVED, AdjustmentState.APPROVED, AdjustmentState.REQUESTED]
    assert office.owed == 6_000


def test_a_limit_for_adjustments_is_none_for_writing_off(office: Office) -> None:
    factories.allow_alone(RoleName.TREASURER, Action.ADJUSTMENT, None)

    adjustment = office.adjust(100, AdjustmentKind.WRITE_OFF)

    assert adjustment.state is AdjustmentState.REQUESTED
    assert office.request.action is Action.WRITE_OFF


def test_nobody_adjusts_an_own_invoice_alone(office: Office) -> None:
    factories.allow_alone(RoleName.TREASURER, Action.ADJUSTMENT, None)
    with transaction():
        Member.here().get(office.invoice.member_id).login_id = office.treasurer.id

    assert office.adjust(100).state is AdjustmentState.REQUESTED


@pytest.mark.case("K30", "F14")
def test_two_approvers_at_once_apply_it_once(app: Flask, office: Office) -> None:
    adjustment = office.adjust(2_000)
    second, organization_id = factories.make_admin("Nick Admin"), office.organization.id
    request_id, digest = office.request.id, office.request.order_digest
    db.session.rollback()

    def approve(login: Login) -> str:
        with app.app_context(), tenancy.acting_for(organization_id):
            try:
                with transaction():
                    request = ApprovalRequest.here().get(request_id)
                    request.approve(by=login, seen=digest, carry_out=wiring.ACTIONS, on=TODAY)
            except Conflict as late:
                return late.message
            finally:
                db.session.remove()
            return "done"

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(approve, [office.admin, second]))

    assert said[1] == "done" and "already approved by N" in said[0]
    assert office.owed == 8_000
    assert len(JournalEntry.here().all(JournalEntry.source_id == adjustment.id)) == 1


@pytest.mark.case("K30")
def test_what_was_changed_after_it_was_asked_for_is_not_done(office: Office) -> None:
    adjustment = office.adjust(2_000)
    with transaction():
        fresh(Adjustment, adjustment.id).amount = 9_000
    with pytest.raises(Conflict, match="changed meanwhile"):
        office.approve()
    assert office.owed == 10_000


def test_an_approval_that_comes_too_late_does_nothing_and_can_still_be_denied(office: Office) -> None:
    adjustment = office.adjust(2_000)
    with transaction():
        change = Change(AdjustmentKind.WAIVER, 9_000, REASON)
        adjusting.adjust(fresh(Invoice, office.invoice.id), change, by=None, on=TODAY)
    with pytest.raises(Refusal):
        office.approve()
    office.deny()
    assert fresh(Adjustment, adjustment.id).state is AdjustmentState.DENIED


def test_an_approval_of_what_was_voided_does_nothing_and_need_not_be_denied(office: Office) -> None:
    adjustment = office.adjust(2_000)
    with transaction():
        fresh(Invoice, office.invoice.id).void(by=None, reason="Wrong", on=TODAY)
    for decide in (office.approve, office.deny):
        with pytest.raises(Refusal, match="voided meanwhile"):
            decide()
    assert fresh(Adjustment, adjustment.id).state is AdjustmentState.WITHDRAWN


def test_whoever_asked_may_withdraw_it(office: Office) -> None:
    adjustment = office.ask_for_hardship()
    with transaction():
        office.request.withdraw(by=office.member, tell=wiring.DENIALS, on=TODAY)
    assert fresh(Adjustment, adjustment.id).state is AdjustmentState.WITHDRAWN
    assert office.request.state is ApprovalState.WITHDRAWN
    assert office.ask_for_hardship(4_000).is_requested


def test_a_member_asks_once_at_a_time(office: Office) -> None:
    office.ask_for_hardship()
    with pytest.raises(Conflict, match="asked for this invoice already"):
        office.ask_for_hardship(4_000)


def test_the_document_is_kept_with_the_request_and_is_part_of_what_is_approved(office: Office) -> None:
    document = Document("letter.pdf", MediaType.PDF, b"%PDF-1.7\n%%EOF")

    adjustment = office.ask_for_hardship(document=document)

    kept = Attachment.of(adjustment)
    assert kept is not None and (kept.name, kept.digest) == ("letter.pdf", document.digest)
    assert document.digest in office.request.order
