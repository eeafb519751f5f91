"""A day passes."""

from datetime import date

from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.domain.notifications.daily import pass_day
from webapp.domain.organizations import Organization


def daily(day: str) -> None:
    with transaction() as session:
        organization = session.get_one(Organization, tenancy.organization_id())
        pass_day(organization, date.fromisoformat(day), wiring.links())
