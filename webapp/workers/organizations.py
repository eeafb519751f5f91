"""Jobs of the organization and its people."""

from uuid import UUID

from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.core.errors import Refusal
from webapp.domain.organizations import Organization, roster_import


def import_roster(import_id: UUID) -> None:
    """Stretch by stretch, so that progress shows and a takeover goes on where this one stopped."""
    try:
        with transaction() as session:
            organization = session.get_one(Organization, tenancy.organization_id())
            intake = roster_import.Intake(roster_import.find(import_id), organization)
        more = True
        while more:
            with transaction():
                more = intake.bring_in_next()
    except Refusal as refusal:
        with transaction():
            roster_import.fail(import_id, refusal.message)
