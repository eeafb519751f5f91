"""Stripe's disputes, and bank debits that it took back, in our words; and our answers in its own."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import stripe
from stripe import StripeClient
from stripe.params import DisputeUpdateParamsEvidence

from webapp.adapters.stripe_objects import field, from_stripe
from webapp.domain.payments.gateway import (
    ChargeState,
    DisputeKind,
    DisputeMovement,
    DisputeState,
    Evidence,
    ProcessorDispute,
    ProcessorPayment,
)

_STATES = {
    "warning_needs_response": DisputeState.INQUIRY,
    "warning_under_review": DisputeState.INQUIRY_ANSWERED,
    "warning_closed": DisputeState.INQUIRY_CLOSED,
    "needs_response": DisputeState.NEEDS_RESPONSE,
    "under_review": DisputeState.UNDER_REVIEW,
    "appeal_needs_response": DisputeState.NEEDS_RESPONSE,
    "appeal_under_review": DisputeState.UNDER_REVIEW,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
    "prevented": DisputeState.SETTLED,
}
_MOST_WORDS = 20_000


def of_intent(client: StripeClient, intent: stripe.PaymentIntent) -> tuple[ProcessorDispute, ...]:
    """Everything that took the money of this payment away again. One more question only if there is any."""
    charge = intent.latest_charge
    if not isinstance(charge, stripe.Charge):
        return ()
    taken_back = _taken_back(charge)
    if not charge.disputed:
        return taken_back
    listed = client.v1.disputes.list({"payment_intent": intent.id, "limit": 100})
    found = sorted(listed.auto_paging_iter(), key=lambda one: (one.created, one.id))
    return (*taken_back, *(_dispute(one, charge) for one in found))


def beside(payment: ProcessorPayment, disputes: tuple[ProcessorDispute, ...]) -> ProcessorPayment:
    """A debit that was taken back had come in before: the charge that Stripe then calls failed succeeded."""
    came_in = any(one.reference == payment.charge_reference for one in disputes)
    return replace(payment, disputes=disputes, state=ChargeState.SUCCEEDED if came_in else payment.state)


def answer(client: StripeClient, reference: str, evidence: Evidence, key: str) -> None:
    """The records as a file, then facts and words: handed in for good, because the bank reads one answer."""
    records = io.BytesIO(evidence.records)
    records.name = "records.pdf"
    upload = client.v1.files.create(
        {"purpose": "dispute_evidence", "file": records}, {"idempotency_key": f"{key}-records"}
    )
    told: DisputeUpdateParamsEvidence = {
        "customer_name": evidence.name,
        "product_description": evidence.service[:_MOST_WORDS],
        "service_date": evidence.service_date,
        "uncategorized_text": evidence.statement[:_MOST_WORDS],
        "uncategorized_file": upload.id,
    }
    if evidence.email:
        told["customer_email_address"] = evidence.email
    if evidence.address:
        told["billing_address"] = evidence.address
    client.v1.disputes.update(reference, {"evidence": told, "submit": True}, {"idempotency_key": key})


def _dispute(made: stripe.Dispute, charge: stripe.Charge) -> ProcessorDispute:
    details = made.evidence_details
    return ProcessorDispute(
        reference=made.id,
        kind=DisputeKind.RETURNED_DEBIT if _is_debit(charge) else DisputeKind.CHARGEBACK,
        state=_STATES.get(made.status, DisputeState.UNDER_REVIEW),
        reason=made.reason,
        amount=from_stripe(made.amount, made.currency.upper()),
        currency=made.currency.upper(),
        opened_at=datetime.fromtimestamp(made.created, UTC),
        answer_by=datetime.fromtimestamp(details.due_by, UTC) if details.due_by else None,
        answers=details.submission_count,
        movements=tuple(_movement(one) for one in made.balance_transactions),
    )


def _taken_back(charge: stripe.Charge) -> tuple[ProcessorDispute, ...]:
    """A bank debit that failed after it had succeeded: no dispute there, the same to us."""
    balance = charge.failure_balance_transaction
    if not isinstance(balance, stripe.BalanceTransaction) or charge.balance_transaction is None:
        return ()
    return (
        ProcessorDispute(
            reference=charge.id,
            kind=DisputeKind.RETURNED_DEBIT,
            state=DisputeState.LOST,
            reason=charge.failure_code or "general",
            amount=from_stripe(charge.amount, charge.currency.upper()),
            currency=charge.currency.upper(),
            opened_at=datetime.fromtimestamp(balance.created, UTC),
            answer_by=None,
            answers=0,
            movements=(_movement(balance),),
        ),
    )


def _movement(balance: stripe.BalanceTransaction) -> DisputeMovement:
    currency = balance.currency.upper()
    return DisputeMovement(
        reference=balance.id,
        amount=-from_stripe(balance.amount, currency),
        fee=from_stripe(balance.fee, currency),
        moved_at=datetime.fromtimestamp(balance.created, UTC),
    )


def _is_debit(charge: stripe.Charge) -> bool:
    details = charge.payment_method_details
    return details is not None and field(details, "us_bank_account") is not None
