"""What every way to a processor's connection shares: the address of its webhooks, and trying it out."""

from flask import current_app

from webapp import wiring
from webapp.core import clock
from webapp.core.db import transaction
from webapp.domain.payments.gateway import GatewayRefused, GatewayUnavailable
from webapp.domain.payments.processor import PaymentProcessor


def webhook_address(processor: PaymentProcessor) -> str:
    """Where the processor has to send what happens there."""
    path = current_app.url_map.bind("").build(
        "webhooks.receive",
        {"organization_id": processor.organization_id, "processor_id": processor.id},
    )
    return wiring.settings().public_url + path


def try_out(processor: PaymentProcessor) -> tuple[PaymentProcessor, str]:
    """Ask the processor who we are there and keep how that went: the row, and the account's name."""
    name, error = "", None
    try:
        name = wiring.gateway_for(processor).test_connection()
    except (GatewayRefused, GatewayUnavailable) as refusal:
        error = refusal.message
    with transaction():
        tested = PaymentProcessor.here().get(processor.id, lock=True)
        tested.tested(at=clock.now(), error=error)
    return tested, name
