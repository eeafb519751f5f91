"""Tells the story through the product's own functions: import, rates, billing runs, payments, ledger."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import delete, select

from webapp import wiring
from webapp.core import clock, tenancy, writing
from webapp.core.db import db, new_id, transaction
from webapp.core.jobs import OutboxJob
from webapp.demo import casework, history, roster, story
from webapp.domain.billing import batch as batches
from webapp.domain.billing import confirming, late_fee_charging, overdue, periods, rates, run, schedules
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.settings import STANDARD_LATE_FEE_AFTER_DAYS, Cadence, DuesSettings
from webapp.domain.billing.spreading import oldest_first
from webapp.domain.organizations import (
    Chapter,
    Login,
    Member,
    MemberStatus,
    Organization,
    Role,
    RoleName,
    roster_import,
)
from webapp.domain.organizations.invitations import Invitation
from webapp.domain.organizations.roster_intake import Intake
from webapp.domain.payments import allocation
from webapp.domain.payments.payment import FeeState, Payment, PaymentState
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind
from webapp.domain.reporting import snapshots

SEED = 1908
_STRETCH = 200

T = TypeVar("T")


class Seeding:
    """One demo organization in the making. `tell` hears a sentence about each step."""

    def __init__(
        self,
        *,
        years: int,
        seed: int,
        tell: Callable[[str], None],
        members: int | None = None,
        chapters: int | None = None,
    ) -> None:
        self.years, self.payers, self.tell = years, story.Payers(seed), tell
        self.roster = roster.content(members, chapters)

    def run(self) -> Organization:
        organization = self._found()
        with tenancy.acting_for(organization.id):
            self._bring_in_members(organization)
            admin = self._people(organization)
            self._set_dues(organization, admin)
            spans = self._periods(organization, admin)
            for period in spans:
                self._bill(organization, period, admin)
            untouched = casework.set_aside()
            self._receive(organization, untouched)
            with transaction():
                overdue.mark_overdue(organization, organization.today)
            with transaction():
                history.date_back()
            self._let_a_member_sign_in(untouched[0], story.MEMBER_EMAIL)
            if casework.has_stories(untouched):
                self._let_a_member_sign_in(casework.refused(untouched), story.PLANNER_EMAIL)
            self.tell("Doing the treasurer's work")
            casework.tell(organization, untouched)
            self._charge_late_fees(organization, spans[-1], admin)
            casework.agree_on_plans(organization, untouched)
            self.tell("Scoring the chapters' health")
            history.keep_health(organization)
            self._write_down_nights(spans[-1], organization)
            self._forget_what_would_be_mailed()
        return organization

    def _charge_late_fees(self, organization: Organization, period: BillingPeriod, admin: Login) -> None:
        """The organization began with them in the newest period; whoever still owes it has been charged."""
        night = period.due_on + timedelta(days=STANDARD_LATE_FEE_AFTER_DAYS + 1)
        with transaction():
            DuesSettings.of(organization).change(by=admin, late_fees_since=period.starts_on)
            if night <= organization.today:
                late_fee_charging.charge(organization, night)

    def _write_down_nights(self, period: BillingPeriod, organization: Organization) -> None:
        """The ends of months since the newest period began, as each night would have."""
        day = clock.add_months(period.starts_on, 1)
        while day <= organization.today:
            with transaction():
                snapshots.take_nightly(day)
            day = clock.add_months(day, 1)

    def _found(self) -> Organization:
        self.tell("Founding the organization")
        with transaction():
            organization = wiring.found_organization(
                story.NAME,
                currency="USD",
                timezone="America/New_York",
                admin_email=story.ADMIN[1],
                by=None,
            )
            organization.is_demo = True
            organization.address, organization.how_to_pay = story.ADDRESS, story.HOW_TO_PAY
        return organization

    def _bring_in_members(self, organization: Organization) -> None:
        self.tell("Importing the roster")
        with transaction():
            file = roster_import.upload(roster.FILE.name, self.roster, by=None)
            roster_import.start(file, by=None, unseen=True, now=True)
            intake = Intake(file, organization)
        left = True
        while left:
            with transaction():
                left = intake.go_on()

    def _people(self, organization: Organization) -> Login:
        with transaction():
            admin = _login(*story.ADMIN)
            chapter = Chapter.here().first(Chapter.code == story.TREASURER[2])
            assert chapter is not None
            _invitation_to(admin).take(admin)
            _give(_login(*story.SECOND_ADMIN), RoleName.NATIONAL_ADMIN)
            _give(_login(*story.AUDITOR), RoleName.AUDITOR)
            _give(_login(*story.TREASURER[:2]), RoleName.TREASURER, chapter_id=chapter.id)
        return admin

    def _let_a_member_sign_in(self, invoice_id: UUID, email: str) -> None:
        """Whoever still owes this invoice."""
        with transaction():
            member = Member.here().get(Invoice.here().get(invoice_id).member_id)
            login = _login(member.name, email)
            member.login_id = login.id
            _give(login, RoleName.MEMBER, member_id=member.id)

    def _set_dues(self, organization: Organization, admin: Login) -> None:
        with transaction():
            DuesSettings.of(organization).change(
                by=admin,
                cadence=Cadence.SEMESTER,
                default_amount=story.DEFAULT_AMOUNT,
                due_after_days=75,
                grace_days=5,
                health_below=story.HEALTH_BELOW,
            )
            for status in MemberStatus.here().all():
                if status.code in story.UNBILLED:
                    status.billable = False
                elif status.code in story.RATES:
                    rates.set_rate(status, story.RATES[status.code], by=admin)

    def _periods(self, organization: Organization, admin: Login) -> list[BillingPeriod]:
        today = organization.today
        first = today.replace(year=today.year - self.years)
        with transaction():
            for year in range(first.year, today.year + 2):
                periods.generate(organization, year, by=admin)
        wanted = BillingPeriod.here().select(
            BillingPeriod.starts_on > first, BillingPeriod.starts_on <= today
        )
        return list(db.session.scalars(wanted.order_by(BillingPeriod.starts_on)))

    def _bill(self, organization: Organization, period: BillingPeriod, admin: Login) -> None:
        """On the first day, and once more a month later for those who joined meanwhile."""
        self.tell(f"Billing {period.name}")
        for dated in (period.starts_on, period.starts_on + timedelta(days=92)):
            if dated > organization.today:
                continue
            with transaction():
                made = confirming.confirm(organization, schedules.standard(), period, dated=dated, by=admin)
                run.start(made.id)
                left = run.batches_left(made.id)
            for batch_id in left:
                with transaction():
                    batches.bill_batch(made.id, batch_id)

    def _forget_what_would_be_mailed(self) -> None:
        """History was mailed then; nothing of it goes out now."""
        with transaction():
            db.session.execute(
                delete(OutboxJob).where(OutboxJob.organization_id == tenancy.organization_id())
            )
            db.session.execute(history.mails())

    def _receive(self, organization: Organization, untouched: Sequence[UUID]) -> None:
        self.tell("Receiving two years of payments")
        processor = self._processor()
        columns = (Invoice.id, Member.number, Invoice.due_on, Invoice.issued_on, Invoice.owed)
        wanted = select(*columns).join(Invoice.member).where(Invoice.id.not_in(untouched))
        rows = db.session.execute(wanted.order_by(Invoice.due_on, Invoice.sequence)).all()
        db.session.rollback()
        told = [
            (receipt, row.id)
            for row in rows
            for receipt in self.payers.receipts(
                row.number, row.due_on, row.issued_on, row.owed, organization.today
            )
        ]
        for stretch in _in_stretches(sorted(told, key=lambda one: one[0].on)):
            with transaction():
                paid = {invoice_id for _, invoice_id in stretch}
                invoices = {invoice.id: invoice for invoice in Invoice.here().all(Invoice.id.in_(paid))}
                for receipt, invoice_id in stretch:
                    _pay(invoices[invoice_id], receipt, processor)

    def _processor(self) -> PaymentProcessor:
        with transaction():
            return PaymentProcessor.connect(
                kind=ProcessorKind.STRIPE,
                name="Stripe (sandbox)",
                secret_key=story.SANDBOX_KEY,
                webhook_secret=None,
                keys=wiring.key_ring(),
                by=None,
            )


def _pay(invoice: Invoice, receipt: story.Receipt, processor: PaymentProcessor) -> None:
    payment = Payment(
        id=new_id(),
        member_id=invoice.member_id,
        chapter_id=invoice.chapter_id,
        processor_id=processor.id if receipt.fee is not None else None,
        method=receipt.method,
        state=PaymentState.SUCCEEDED,
        amount=receipt.amount,
        currency=invoice.currency,
        fee=receipt.fee,
        fee_state=FeeState.NONE if receipt.fee is None else FeeState.CONFIRMED,
        payer_detail=receipt.detail or None,
        settled_at=receipt.on,
    )
    writing.add(payment)
    settled = oldest_first(receipt.amount, [invoice])
    allocation.receive(payment, settled, on=receipt.on, today=receipt.on, by=None)


def _login(name: str, email: str) -> Login:
    login = Login.by_email(email) or Login(id=new_id(), name=name, email=email)
    db.session.add(login)
    db.session.flush()
    return login


def _invitation_to(login: Login) -> Invitation:
    found = Invitation.here().first(Invitation.email == login.email)
    assert found is not None, "Founding invites the first admin"
    return found


def _give(login: Login, role: RoleName, **where: Any) -> None:
    db.session.add(Role(login_id=login.id, role=role, **where))


def _in_stretches(rows: Any) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while stretch := list(islice(iterator, _STRETCH)):
        yield stretch
