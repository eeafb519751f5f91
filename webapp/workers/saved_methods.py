"""What members leave with the processor: looked up, and let go of."""

from uuid import UUID

from webapp import at_processor
from webapp.core.db import transaction
from webapp.domain.payments import method_setups
from webapp.domain.payments.gateway import GatewayRefused


def look_up_method(method_id: UUID) -> None:
    try:
        at_processor.look_up_method(method_id)
    except GatewayRefused:
        with transaction():
            method_setups.refused(method_id)


def detach_method(method_id: UUID) -> None:
    at_processor.look_at_method(method_id, detach=True)
