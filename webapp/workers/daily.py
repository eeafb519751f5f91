"""A day passes."""

from datetime import date

import structlog

from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.domain.notifications import health_mails
from webapp.domain.notifications.daily import pass_day
from webapp.domain.notifications.delivery import DailyRun
from webapp.domain.organizations import Organization
from webapp.domain.reporting import snapshots
from webapp.domain.reporting.health import notices as health_notices
from webapp.domain.reporting.standing import letters as standing_letters
from webapp.domain.reporting.verification import seals
from webapp.domain.reporting.verification.books import verify_and_note

log = structlog.get_logger()


def daily(day: str) -> None:
    whole_day(date.fromisoformat(day))


def whole_day(day: date) -> tuple[DailyRun, bool]:
    """All that a day's passing does to the organization, and whether it was done just now. What is written
    down for good is left out of a day to come."""
    with transaction() as session:
        organization = session.get_one(Organization, tenancy.organization_id())
        run, done_now = pass_day(organization, day, wiring.links())
        standing_letters.mark_lapsed(organization, day)
        if day <= organization.today:
            snapshots.take_nightly(day)
            for notice in health_notices.pass_night(organization, day):
                health_mails.tell(notice, wiring.links())
    return run, done_now


def verify_books() -> None:
    with transaction() as session:
        found = verify_and_note(session.get_one(Organization, tenancy.organization_id()))
    if found.differences:
        log.error("books_differ", differences=found.differences, first=found.first)
    if found.broken_seal:
        log.error("seal_broken", first=found.broken_seal)


def seal_records() -> None:
    """One seal after the other, each for itself, until all is sealed that can be."""
    more = True
    while more:
        with transaction():
            more = seals.seal_next()
