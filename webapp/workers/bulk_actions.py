"""One slice of a bulk action: every invoice in a transaction of its own."""

from uuid import UUID

from webapp import wiring
from webapp.core.db import transaction
from webapp.core.errors import Refusal
from webapp.domain.bulk_actions import carrying_out


def carry_out_bulk_action(action_id: UUID) -> None:
    """One that is refused doesn't stop the others."""
    with transaction():
        results = carrying_out.waiting(action_id)
    for result_id in results:
        try:
            with transaction():
                carrying_out.carry_out(result_id, wiring.links())
        except Refusal as refusal:
            with transaction():
                carrying_out.refuse(result_id, refusal)
    with transaction():
        carrying_out.go_on(action_id)
