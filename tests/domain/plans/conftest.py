"""A member with three unpaid invoices, and whoever can agree on a plan with them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests import factories
from tests.processor import fresh
from webapp import wiring
from webapp.core.db import db, transaction
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Login, Member, Organization, RoleName
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method, Payment
from webapp.domain.plans import answering, following, proposing
from webapp.domain.plans.following import Progress
from webapp.domain.plans.plan import PaymentPlan
from webapp.domain.plans.proposing import Wish
from webapp.domain.plans.terms import Terms

TODAY = date(2026, 8, 20)


@dataclass(frozen=True)
class Chapter:
    organization: Organization
    member: Member
    invoices: list[Invoice]
    ana: Login
    treasurer: Login
    admin: Login

    def wish(self, count: int = 3, note: str = "", replaces: PaymentPlan | None = None, **terms: Any) -> Wish:
        usual: dict[str, Any] = {"starts_on": TODAY, "payment_day": 31, "installments": count}
        return Wish([one.id for one in self.invoices], Terms(**(usual | terms)), note, replaces)

    def propose(self, wish: Wish | None = None, *, by: Login | None = None, on: date = TODAY) -> PaymentPlan:
        speaker = by or self.treasurer
        with transaction():
            return proposing.propose(
                fresh(Member, self.member.id),
                wish or self.wish(),
                as_member=speaker is self.ana,
                by=speaker,
                on=on,
            )

    def accept(self, plan: PaymentPlan, *, by: Login | None = None, on: date = TODAY) -> PaymentPlan:
        speaker = by or self.ana
        with transaction():
            held = PaymentPlan.here().get(plan.id, lock=True)
            return answering.accept(held, as_member=speaker is self.ana, by=speaker, on=on)

    def agree(self, wish: Wish | None = None, *, on: date = TODAY) -> PaymentPlan:
        return self.accept(self.propose(wish, on=on), on=on)

    def pay(self, amount: int, *, on: date = TODAY) -> Payment:
        with transaction():
            member = fresh(Member, self.member.id)
            return record_offline(member, amount, method=Method.CHECK, on=on, by=self.treasurer)

    def progress(self, plan: PaymentPlan) -> Progress:
        return following.progress_of(fresh(PaymentPlan, plan.id))

    def owed(self, plan: PaymentPlan) -> list[int]:
        return [step.owed for step in self.progress(plan).steps]

    @property
    def request(self) -> ApprovalRequest:
        return fresh(ApprovalRequest, db.session.scalars(ApprovalRequest.here().select()).one().id)

    def approve(self) -> None:
        with transaction():
            request = self.request
            request.approve(by=self.admin, seen=request.order_digest, carry_out=wiring.ACTIONS, on=TODAY)

    def deny(self) -> None:
        with transaction():
            self.request.deny(by=self.admin, reason="Too long", tell=wiring.DENIALS, on=TODAY)

    def held(self, invoice_id: UUID) -> Invoice:
        return Invoice.here().get(invoice_id, lock=True)


@pytest.fixture
def chapter(organization: Organization) -> Chapter:
    home, status = factories.make_chapter(), factories.make_status()
    treasurer, ana = factories.make_login("Tom Treasurer"), factories.make_login("Ana Member")
    member = factories.make_member(home, status, login_id=ana.id)
    factories.make_role(treasurer, RoleName.TREASURER, chapter=home)
    factories.make_role(ana, RoleName.MEMBER, member=member)
    invoices = [
        factories.make_invoice(amount, member=member, due_on=due_on, grace_ends_on=date(2026, 8, 1))
        for due_on, amount in (
            (date(2026, 7, 10), 40_000),
            (date(2026, 7, 20), 30_000),
            (date(2026, 7, 30), 10_000),
        )
    ]
    admin = factories.make_admin()
    for row in (member, *invoices, ana, treasurer, admin):
        db.session.refresh(row)
        db.session.expunge(row)  # a refusal that rolls back leaves them readable
    return Chapter(organization, member, invoices, ana, treasurer, admin)


RATE = Decimal("7.3")
