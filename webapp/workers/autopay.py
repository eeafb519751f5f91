"""Collecting an installment from a saved method: look, decide, ask, and learn the answer."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import structlog

from webapp import at_processor
from webapp.core import tenancy
from webapp.core.db import database_time, transaction
from webapp.core.errors import Refusal
from webapp.domain.organizations import Organization
from webapp.domain.payments import charge_seen, saved_charges
from webapp.domain.payments.gateway import (
    GatewayRefused,
    GatewayUnavailable,
    MethodUnusable,
    ProcessorPayment,
)
from webapp.domain.payments.saved_charges import Submission
from webapp.domain.plans import collecting, hold_ups
from webapp.domain.plans.collecting import Wanted
from webapp.domain.refunds.seen import learn_of_payment

_ROUNDS = 10

log = structlog.get_logger()


def collect_installment(plan_id: UUID, installment_id: UUID, day: str) -> None:
    """What the processor refuses is looked at by a person, and asked for again in the next night."""
    wanted = Wanted(plan_id, installment_id, date.fromisoformat(day))
    try:
        _collect(wanted)
    except GatewayUnavailable as silence:
        _note(wanted, silence)
        raise
    except GatewayRefused as refusal:
        log.error("autopay_refused", plan=str(plan_id), reason=refusal.message)
        _note(wanted, refusal)
    else:
        with transaction():
            hold_ups.over(plan_id)


def _note(wanted: Wanted, trouble: Refusal) -> None:
    with transaction():
        hold_ups.note(wanted.plan_id, trouble.message, on=wanted.on)


def _collect(wanted: Wanted) -> None:
    with transaction():
        account = collecting.account_of(wanted)
    if account is None:
        return
    with at_processor.asking(account.processor) as gateway:
        seen = list(gateway.charges_of(account.customer_reference, account.since))
    for _ in range(_ROUNDS):
        with transaction():
            decided = collecting.prepare(wanted, seen)
        for checkout_id in decided.closing:
            at_processor.look_up(checkout_id)
        if decided.submission is not None:
            _charge(decided.submission, seen)
        if not decided.again:
            return


def _charge(asked: Submission, seen: Sequence[ProcessorPayment]) -> None:
    payment_id = asked.payment.id
    with transaction():
        asked_at = database_time()
    try:
        with at_processor.asking(asked.processor) as gateway:
            answer = saved_charges.submit(gateway, asked, seen)
    except GatewayUnavailable:
        with transaction():
            charge_seen.asked_in_vain(payment_id)
        raise
    except MethodUnusable as refusal:
        with transaction():
            charge_seen.refused(payment_id, refusal.message)
        return
    except GatewayRefused as refusal:
        with transaction():
            charge_seen.drop(payment_id, because=refusal.message)
        raise
    with transaction() as session:
        organization = session.get_one(Organization, tenancy.organization_id())
        learn_of_payment(payment_id, answer, on=organization.today, asked_at=asked_at)
