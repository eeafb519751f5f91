"""Jobs of the organization and its people. Each goes on stretch by stretch, so that progress shows and a
takeover continues where this one stopped.
"""

from uuid import UUID

from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.core.errors import Refusal
from webapp.domain.organizations import Organization, roster_import, roster_undoing
from webapp.domain.organizations.roster_intake import Intake


def check_roster(import_id: UUID) -> None:
    _work_through(import_id)


def import_roster(import_id: UUID) -> None:
    _work_through(import_id)


def undo_roster(import_id: UUID) -> None:
    more = True
    while more:
        with transaction():
            more = roster_undoing.go_on(import_id)


def _work_through(import_id: UUID) -> None:
    try:
        with transaction() as session:
            organization = session.get_one(Organization, tenancy.organization_id())
            intake = Intake(roster_import.find(import_id), organization)
        more = True
        while more:
            with transaction():
                more = intake.go_on()
    except Refusal as refusal:
        with transaction():
            roster_import.fail(import_id, refusal.message)
