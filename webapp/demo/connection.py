"""Tells the sandbox where the demo's webhooks are to be delivered: the address may change with each start."""

import json
from typing import Any
from urllib.request import Request, urlopen

from sqlalchemy import select

from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.demo import story
from webapp.domain.organizations import Organization
from webapp.domain.payments.processor import PaymentProcessor


def deliver_webhooks_here(organization: Organization) -> None:
    """One endpoint at the sandbox: this one. Others are from earlier starts and are removed."""
    with tenancy.acting_for(organization.id):
        processor = db.session.scalars(
            select(PaymentProcessor).where(PaymentProcessor.active.is_(True))
        ).one()
        address = (
            f"{wiring.settings().public_url}/api/finances/webhooks/stripe/{organization.id}/{processor.id}/"
        )
        db.session.rollback()
        _ask("POST", "/sandbox/accounts", {"key": story.SANDBOX_KEY, "name": organization.name})
        known = _ask("GET", "/v1/webhook_endpoints?limit=100")["data"]
        for endpoint in known:
            if endpoint["url"] != address:
                _ask("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
        if address not in [endpoint["url"] for endpoint in known]:
            wanted = {"key": story.SANDBOX_KEY, "url": address, "secret": story.WEBHOOK_SIGNING}
            _ask("POST", "/sandbox/endpoints", wanted)
        with transaction():
            processor = PaymentProcessor.here().get(processor.id, lock=True)
            if processor.webhook_secret is None:
                keys = wiring.key_ring()
                processor.change_keys(
                    secret_key=None, webhook_secret=story.WEBHOOK_SIGNING, keys=keys, by=None
                )


def _ask(method: str, path: str, body: dict[str, str] | None = None) -> Any:
    request = Request(
        wiring.settings().stripe_api_base + path,
        method=method,
        data=json.dumps(body).encode() if body else None,
        headers={"Authorization": f"Bearer {story.SANDBOX_KEY}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=10) as answer:
        return json.load(answer)
