"""Ties the demo to its sandbox: the payments of its history exist there too, webhooks find this address."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.request import Request, urlopen

from sqlalchemy import bindparam, select, update

from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.demo import story
from webapp.domain.organizations import Organization
from webapp.domain.payments.payment import Method, Payment
from webapp.domain.payments.processor import PaymentProcessor

_INSTRUMENTS = {Method.CARD: "success", Method.ACH_DEBIT: "bank_waits"}
_STRETCH = 200


def connect(organization: Organization) -> None:
    """Safe to repeat; each start does it, because the address may be another one."""
    with tenancy.acting_for(organization.id):
        ask("POST", "/sandbox/accounts", {"key": story.SANDBOX_KEY, "name": organization.name})
        untold = _payments_the_sandbox_has_not()
        for start in range(0, len(untold), _STRETCH):
            _remember(untold[start : start + _STRETCH])
        _deliver_webhooks_here(organization)


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Of the sandbox, beside what a processor offers: it makes things happen that people and banks do."""
    request = Request(
        wiring.settings().stripe_api_base + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {story.SANDBOX_KEY}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _payments_the_sandbox_has_not() -> Sequence[Payment]:
    untold = Payment.here().all(
        Payment.processor_id.is_not(None),
        Payment.received_on.is_not(None),
        Payment.intent_reference.is_(None),
    )
    db.session.expunge_all()
    db.session.rollback()
    return untold


def _remember(payments: Sequence[Payment]) -> None:
    told = [
        {
            "amount": payment.amount,
            "currency": payment.currency.lower(),
            "instrument": _INSTRUMENTS[payment.method],
            "created": int(payment.created_at.timestamp()),
            "metadata": {"organization_id": str(payment.organization_id), "payment_id": str(payment.id)},
        }
        for payment in payments
    ]
    made = ask("POST", "/sandbox/payments", {"key": story.SANDBOX_KEY, "payments": told})["data"]
    rows = [
        {"payment": payment.id, "intent": there["payment_intent"], "charge": there["charge"]}
        for payment, there in zip(payments, made, strict=True)
    ]
    with transaction():
        db.session.connection().execute(
            update(Payment)
            .where(Payment.organization_id == tenancy.organization_id(), Payment.id == bindparam("payment"))
            .values(intent_reference=bindparam("intent"), charge_reference=bindparam("charge")),
            rows,
        )


def _deliver_webhooks_here(organization: Organization) -> None:
    """One endpoint at the sandbox: this one. Others are from earlier starts and are removed."""
    processor = db.session.scalars(select(PaymentProcessor).where(PaymentProcessor.active.is_(True))).one()
    address = f"{wiring.settings().public_url}/api/finances/webhooks/stripe/{organization.id}/{processor.id}/"
    db.session.rollback()
    known = ask("GET", "/v1/webhook_endpoints?limit=100")["data"]
    for endpoint in known:
        if endpoint["url"] != address:
            ask("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
    if address not in [endpoint["url"] for endpoint in known]:
        wanted = {"key": story.SANDBOX_KEY, "url": address, "secret": story.WEBHOOK_SIGNING}
        ask("POST", "/sandbox/endpoints", wanted)
    with transaction():
        processor = PaymentProcessor.here().get(processor.id, lock=True)
        if processor.webhook_secret is None:
            keys = wiring.key_ring()
            processor.change_keys(secret_key=None, webhook_secret=story.WEBHOOK_SIGNING, keys=keys, by=None)
