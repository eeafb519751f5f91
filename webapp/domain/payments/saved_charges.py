"""One attempt to collect an installment from a saved method, with nobody there: our row first, then the
question to the processor, then its outcome. An attempt is asked for once, whatever dies in between.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, belongs_to, db, new_id, references
from webapp.domain.billing.spreading import Part
from webapp.domain.payments.gateway import PaymentGateway, ProcessorPayment
from webapp.domain.payments.on_file import ChargeOrder, MethodKind
from webapp.domain.payments.payment import Method, Payment, PaymentState
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.payments.saved_methods import ProcessorCustomer, SavedMethod

_METHODS = {MethodKind.CARD: Method.CARD, MethodKind.BANK_ACCOUNT: Method.ACH_DEBIT}
UNANSWERED = (PaymentState.STARTED, PaymentState.UNKNOWN)


class SavedCharge(OrganizationRow, Base):
    """`live` until its outcome is known; an installment has one live charge at most. `tried_on` is the
    organization's day that it was for. Its amount and outcome are those of its payment.
    """

    __tablename__ = "saved_charges"

    payment_id: Mapped[UUID]
    method_id: Mapped[UUID]
    plan_id: Mapped[UUID]
    installment_id: Mapped[UUID]
    authorization_id: Mapped[UUID]
    attempt: Mapped[int]
    tried_on: Mapped[date]
    live: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    payment: Mapped[Payment] = belongs_to("SavedCharge.payment_id", "Payment")
    method: Mapped[SavedMethod] = belongs_to("SavedCharge.method_id", "SavedMethod")

    __table_args__ = (
        references("payments", "payment_id"),
        references("saved_methods", "method_id"),
        references("payment_plans", "plan_id"),
        references("payment_plan_installments", "installment_id"),
        references("autopay_authorizations", "authorization_id"),
        CheckConstraint("attempt > 0", "attempts_are_counted"),
        UniqueConstraint("organization_id", "payment_id"),
        UniqueConstraint("organization_id", "installment_id", "attempt"),
        Index(
            "uq_saved_charges_one_live",
            "organization_id",
            "installment_id",
            unique=True,
            postgresql_where="live",
        ),
        Index("ix_saved_charges_plan", "organization_id", "plan_id"),
    )

    @classmethod
    def live_of(cls, installment_id: UUID) -> Self | None:
        """The one whose outcome is not known yet."""
        return cls.here().first(cls.installment_id == installment_id, cls.live.is_(True), lock=True)

    @classmethod
    def of(cls, payment_id: UUID) -> Self | None:
        return cls.here().first(cls.payment_id == payment_id, lock=True)


class SavedChargePart(OrganizationRow, Base):
    """What of the charge is meant for which invoice, in minor units."""

    __tablename__ = "saved_charge_parts"

    payment_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    amount: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references("payments", "payment_id"),
        references("invoices", "invoice_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        UniqueConstraint("organization_id", "payment_id", "invoice_id"),
        Index("ix_saved_charge_parts_invoice", "organization_id", "invoice_id"),
    )


@dataclass(frozen=True)
class Purpose:
    """What a charge is for, and on whose word."""

    plan_id: UUID
    installment_id: UUID
    authorization_id: UUID


@dataclass(frozen=True)
class Submission:
    """A question to put to a processor."""

    payment: Payment
    processor: PaymentProcessor
    order: ChargeOrder


def start(
    of: Purpose, method: SavedMethod, parts: Sequence[Part], *, on: date, payment_id: UUID | None = None
) -> SavedCharge:
    """Our rows, before anybody is asked. The invoices are held by the caller, and from now on under way, so
    that nobody pays them beside it. `payment_id` is known for a charge that we forgot in a restore."""
    first = parts[0][0]
    payment = Payment(
        id=payment_id or new_id(),
        member_id=first.member_id,
        chapter_id=first.chapter_id,
        processor_id=method.processor_id,
        method=_METHODS[method.kind] if method.kind else Method.UNKNOWN,
        amount=sum(part for _, part in parts),
        currency=first.currency,
        payer_detail=method.label,
    )
    db.session.add(payment)
    db.session.flush()
    charge = SavedCharge(
        id=new_id(),
        payment_id=payment.id,
        method_id=method.id,
        plan_id=of.plan_id,
        installment_id=of.installment_id,
        authorization_id=of.authorization_id,
        attempt=_next_attempt(of.installment_id),
        tried_on=on,
    )
    db.session.add(charge)
    for invoice, part in parts:
        row = SavedChargePart(id=new_id(), payment_id=payment.id, invoice_id=invoice.id, amount=part)
        db.session.add(row)
        invoice.set_processing(True)
    db.session.flush()
    return charge


def submission(charge: SavedCharge, description: str) -> Submission:
    payment, method = Payment.here().get(charge.payment_id), SavedMethod.here().get(charge.method_id)
    customer = ProcessorCustomer.here().get(method.customer_id)
    assert customer.reference and method.reference, "A saved method has its names at the processor"
    names = {
        "organization_id": charge.organization_id,
        "processor_id": method.processor_id,
        "payment_id": payment.id,
        "plan_id": charge.plan_id,
        "installment_id": charge.installment_id,
    }
    order = ChargeOrder(
        customer_reference=customer.reference,
        method_reference=method.reference,
        amount=payment.amount,
        currency=payment.currency,
        description=description,
        metadata={name: str(row_id) for name, row_id in names.items()},
    )
    return Submission(payment, PaymentProcessor.here().get(method.processor_id), order)


def tried_before(payment_id: UUID, seen: Iterable[ProcessorPayment]) -> ProcessorPayment | None:
    """Among what the processor shows, the charge that this payment stands for."""
    return next((one for one in seen if one.metadata.get("payment_id") == str(payment_id)), None)


def submit(gateway: PaymentGateway, asked: Submission, seen: Sequence[ProcessorPayment]) -> ProcessorPayment:
    """Ask, once for ever: what was tried before is only looked at, and otherwise the key is the same."""
    before = tried_before(asked.payment.id, seen)
    known = asked.payment.intent_reference or (before.reference if before else None)
    if known is not None:
        return gateway.read_payment(known)
    return gateway.charge_method(asked.order, idempotency_key=f"charge-{asked.payment.id}")


LONGEST_AGO = timedelta(hours=1)
"""The processor's clock may be behind ours by this much."""


def _next_attempt(installment_id: UUID) -> int:
    highest = SavedCharge.here().select(SavedCharge.installment_id == installment_id)
    return (db.session.scalar(highest.with_only_columns(func.max(SavedCharge.attempt))) or 0) + 1
