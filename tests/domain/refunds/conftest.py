"""Officers around a shop: who asks for refunds, and who lets them go."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from tests import factories
from tests.processor import TODAY, Shop, fresh
from webapp import wiring
from webapp.core.db import db, transaction
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Chapter, Login, RoleName
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds.deciding import Asked
from webapp.domain.refunds.refund import How
from webapp.domain.refunds.requesting import Terms, request_refund


@dataclass
class Desk:
    """A treasurer with a cap of 50.00, a national admin, and what they do."""

    shop: Shop
    treasurer_id: UUID
    admin_id: UUID

    @property
    def treasurer(self) -> Login:
        return db.session.get_one(Login, self.treasurer_id)

    @property
    def admin(self) -> Login:
        return db.session.get_one(Login, self.admin_id)

    def ask(
        self,
        invoice: Invoice,
        payment: Payment,
        amount: int,
        *,
        by: Login | None = None,
        how: How = How.ORIGINAL,
        reinstates_debt: bool = False,
        check_number: str | None = None,
    ) -> Asked:
        number = check_number or ("2041" if how is How.CHECK else None)
        terms = Terms(amount, how, "Left the chapter", reinstates_debt, number)
        with transaction():
            return request_refund(invoice.id, payment.id, terms, by=by or self.treasurer, on=TODAY)

    def approve(self, asked: Asked, *, by: Login | None = None) -> None:
        assert asked.approval is not None
        with transaction():
            request = ApprovalRequest.here().get(asked.approval.id)
            request.approve(
                by=by or self.admin, seen=request.order_digest, carry_out=wiring.ACTIONS, on=TODAY
            )

    def deny(self, asked: Asked) -> None:
        assert asked.approval is not None
        with transaction():
            request = ApprovalRequest.here().get(asked.approval.id)
            request.deny(by=self.admin, reason="Not agreed", tell=wiring.DENIALS, on=TODAY)


@pytest.fixture
def desk(shop: Shop) -> Desk:
    treasurer = factories.make_login("Tom Treasurer")
    factories.make_role(treasurer, RoleName.TREASURER, chapter=fresh(Chapter, shop.chapter_id))
    return Desk(shop, treasurer.id, factories.make_admin().id)


@pytest.fixture
def free_hand(desk: Desk, set_cap: Callable[[int], None]) -> Desk:
    """The same, with a cap that nothing here reaches."""
    set_cap(1_000_000)
    return desk


@pytest.fixture
def set_cap(shop: Shop) -> Callable[[int], None]:
    from webapp.domain.billing.settings import DuesSettings

    def change(amount: int) -> None:
        with transaction():
            DuesSettings.of(shop.organization).change(by=None, refund_cap=amount)

    return change
