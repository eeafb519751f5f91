"""Is it working, for one organization: its mails, and its day's work."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, select

from webapp.core import tenancy
from webapp.core.checkup import Line, Mark
from webapp.core.db import db
from webapp.domain.notifications import outcomes
from webapp.domain.notifications.delivery import DailyRun
from webapp.domain.organizations import Organization


def lines(organization: Organization) -> Iterator[Line]:
    yield _mails()
    yield _daily(organization)


def _mails() -> Line:
    failed = outcomes.failed_lately()
    if not failed:
        return Line("Mails", Mark.GOOD, "None failed lately.")
    said = "One failed lately." if failed == 1 else f"{failed} failed lately."
    return Line("Mails", Mark.LOOK, said, "The list of mails says why, and sends them again.")


def _daily(organization: Organization) -> Line:
    day = db.session.scalar(
        select(func.max(DailyRun.day)).where(DailyRun.organization_id == tenancy.organization_id())
    )
    advice = "It runs after three in the morning by itself. Look at the scheduler."
    if day is None:
        return Line("Day's work", Mark.LOOK, "It was not done yet.", advice)
    said = f"Overdue marking and reminders were done for {day:%B} {day.day}."
    late = organization.today - day > timedelta(days=1)
    return Line("Day's work", Mark.ACT if late else Mark.GOOD, said, advice if late else "")
