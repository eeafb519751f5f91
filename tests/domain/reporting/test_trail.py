"""Whatever happens to money stands in the audit trail, about the thing it happened to."""

from collections.abc import Callable

import pytest

from tests import factories
from tests.processor import TODAY, Shop
from webapp import wiring
from webapp.core.audit import AuditEntry
from webapp.core.db import transaction
from webapp.domain.approvals import Action, ApprovalRequest
from webapp.domain.billing import adjusting
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import AdjustmentKind
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits import goodwill, withdrawing
from webapp.domain.organizations import Login, RoleName
from webapp.domain.payments import reversing, voiding


def check_taken_back(shop: Shop, admin: Login) -> None:
    payment = shop.record(shop.owed(), 10_000)
    with transaction():
        reversing.reverse(payment.id, by=admin, reason="Not hers", on=TODAY)


def card(shop: Shop, admin: Login) -> None:
    shop.paid(shop.owed())


def voided(shop: Shop, admin: Login) -> None:
    invoice = shop.owed()
    with transaction():
        voiding.void(invoice.id, by=admin, reason="Twice", on=TODAY)


def waiver(shop: Shop, admin: Login) -> None:
    invoice = shop.owed()
    with transaction():
        held = Invoice.here().get(invoice.id, lock=True)
        adjusting.adjust(held, Change(AdjustmentKind.WAIVER, 100, "The roof leaked"), by=admin, on=TODAY)


def waiver_denied(shop: Shop, admin: Login) -> None:
    factories.allow_alone(RoleName.NATIONAL_ADMIN, Action.ADJUSTMENT, 0)
    waiver(shop, admin)
    other = factories.make_admin("Max Admin")
    with transaction():
        [request] = ApprovalRequest.here().all()
        request.deny(by=other, reason="No", tell=wiring.DENIALS, on=TODAY)


def goodwill_withdrawn(shop: Shop, admin: Login) -> None:
    with transaction():
        note, _ = goodwill.give(shop.member, 100, reason="Sorry", by=admin, on=TODAY)
    assert note is not None
    with transaction():
        withdrawing.withdraw(note.id, reason="Twice", by=admin, on=TODAY)


def refunded_at_the_processor(shop: Shop, admin: Login) -> None:
    shop.paid(shop.owed())
    shop.refund(1_000)
    shop.hear()


def disputed(shop: Shop, admin: Login) -> None:
    shop.paid(shop.owed())
    shop.sandbox.act(shop.latest("charge")["id"], "dispute")
    shop.hear()


Entry = tuple[str, str]
TABLE: list[tuple[Callable[[Shop, Login], None], set[Entry]]] = [
    (check_taken_back, {("payments", "record_payment"), ("payments", "payment_reversed")}),
    (card, {("payments", "payment_received")}),
    (voided, {("invoices", "voided")}),
    (
        waiver,
        {
            ("adjustments", "adjustment requested"),
            ("adjustments", "adjustment approved"),
            ("invoices", "waiver applied"),
        },
    ),
    (waiver_denied, {("adjustments", "adjustment denied"), ("approval_requests", "denied")}),
    (goodwill_withdrawn, {("credit_notes", "opened"), ("credit_notes", "withdrawn")}),
    (refunded_at_the_processor, {("refunds", "refund_made_at_the_processor"), ("refunds", "refund_booked")}),
    (disputed, {("disputes", "dispute_opened"), ("disputes", "dispute_withdrawn")}),
]


@pytest.mark.parametrize(("happen", "entries"), TABLE, ids=lambda one: getattr(one, "__name__", ""))
def test_it_stands_in_the_trail(
    shop: Shop, happen: Callable[[Shop, Login], None], entries: set[Entry]
) -> None:
    factories.allow_alone(RoleName.NATIONAL_ADMIN, Action.ADJUSTMENT, None)
    happen(shop, factories.make_admin())
    noted = AuditEntry.here().all()
    assert entries <= {(one.subject_kind, one.action) for one in noted}
    assert all(one.before or one.after for one in noted if (one.subject_kind, one.action) in entries)
