"""What a request is about can end another way: then nobody has to decide it, and whoever asked hears why."""

import pytest

from tests import factories
from tests.processor import TODAY, Shop, fresh
from webapp import wiring
from webapp.core.audit import AuditEntry
from webapp.core.db import transaction
from webapp.domain.approvals import AlreadyDecided, ApprovalRequest, ApprovalState, lapse_of
from webapp.domain.billing import adjusting
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind, AdjustmentState
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Chapter, Login, Role, RoleName, roles
from webapp.domain.payments import voiding
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds.refund import How, Refund, RefundState
from webapp.domain.refunds.requesting import Terms, request_refund
from webapp.wiring import mail_folder


@pytest.fixture
def treasurer(shop: Shop) -> Login:
    login = factories.make_login("Tom Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=Chapter.here().get(shop.chapter_id))
    return login


def waiver_asked(invoice: Invoice, by: Login) -> ApprovalRequest:
    with transaction():
        held = Invoice.here().get(invoice.id, lock=True)
        adjusting.adjust(held, Change(AdjustmentKind.WAIVER, 6_000, "Paid at the door"), by=by, on=TODAY)
    [request] = ApprovalRequest.here().all()
    return request


def refund_asked(shop: Shop, invoice: Invoice, payment: Payment, by: Login) -> ApprovalRequest:
    with transaction():
        terms = Terms(amount=6_000, how=How.ORIGINAL, reason="Left the chapter")
        request_refund(invoice.id, payment.id, terms, by=by, on=TODAY)
    [request] = ApprovalRequest.here().all()
    return request


def lapsed(request: ApprovalRequest) -> str:
    """Why nobody has to decide it any more."""
    found = fresh(ApprovalRequest, request.id)
    assert found.state is ApprovalState.WITHDRAWN
    [noted] = AuditEntry.here().all(
        AuditEntry.subject_id == request.id, AuditEntry.action == "withdrawn", order_by=AuditEntry.id
    )
    assert noted.reason == found.decision_reason
    return str(found.decision_reason)


def test_an_adjustment_of_an_invoice_that_was_voided_leaves_the_queue(shop: Shop, treasurer: Login) -> None:
    invoice = shop.owed()
    request = waiver_asked(invoice, treasurer)
    with transaction():
        voiding.void(invoice.id, by=None, reason="Billed in error", on=TODAY)
    assert lapsed(request) == "The invoice was voided meanwhile."
    assert [one.state for one in Adjustment.here().all()] == [AdjustmentState.WITHDRAWN]
    admin = factories.make_admin()
    with pytest.raises(AlreadyDecided, match="was voided meanwhile"), transaction():
        ApprovalRequest.here().get(request.id).approve(
            by=admin, seen=request.order_digest, carry_out=wiring.ACTIONS, on=TODAY
        )


def test_a_refund_that_somebody_made_at_the_processor_leaves_the_queue_and_is_told(
    shop: Shop, treasurer: Login
) -> None:
    invoice = shop.owed()
    request = refund_asked(shop, invoice, shop.paid(invoice), treasurer)
    shop.refund(40_000)
    shop.hear()
    shop.work_and_mail()
    assert lapsed(request) == "The money was refunded at the processor meanwhile."
    [mail] = Mail.here().all(Mail.kind == MailKind.APPROVAL_NEWS)
    assert mail.recipient == treasurer.email
    assert "refunded at the processor meanwhile" in " ".join(mail_folder().read(str(mail.id)).text.split())


@pytest.mark.case("A4")
def test_what_somebody_asked_for_who_lost_the_role_is_withdrawn_and_nothing_is_held(
    shop: Shop, treasurer: Login
) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    request = refund_asked(shop, invoice, payment, treasurer)
    admin = factories.make_admin()
    with transaction():
        [role] = Role.here().all(Role.login_id == treasurer.id)
        roles.remove(role, by=admin)
        lapse_of(treasurer, by=admin, tell=wiring.DENIALS, on=TODAY)
    assert lapsed(request) == "Tom Treasurer, who asked for this, may not ask for it any more."
    [refund] = Refund.here().all()
    assert (refund.state, fresh(Payment, payment.id).reserved) == (RefundState.WITHDRAWN, 0)


def test_who_may_still_ask_keeps_the_request(shop: Shop, treasurer: Login) -> None:
    request = waiver_asked(shop.owed(), treasurer)
    admin = factories.make_admin()
    factories.make_role(treasurer, RoleName.NATIONAL_ADMIN)
    with transaction():
        [role] = Role.here().all(Role.login_id == treasurer.id, Role.role == RoleName.TREASURER)
        roles.remove(role, by=admin)
        lapse_of(treasurer, by=admin, tell=wiring.DENIALS, on=TODAY)
    assert fresh(ApprovalRequest, request.id).state is ApprovalState.PENDING
