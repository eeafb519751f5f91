"""Is it working, for one organization: its mails, and its day's work."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import cast

from sqlalchemy import func, select

from webapp.core import tenancy
from webapp.core.checkup import Line, Mark
from webapp.core.db import db
from webapp.domain.notifications import outcomes
from webapp.domain.notifications.delivery import DailyRun
from webapp.domain.organizations import Organization


def lines(organization: Organization) -> Iterator[Line]:
    failed, day = _found()
    yield _mails(failed)
    yield _daily(organization, day)


def _found() -> tuple[int, date | None]:
    """How many mails failed lately, and the day whose work was done last."""
    latest = select(func.max(DailyRun.day)).where(DailyRun.organization_id == tenancy.organization_id())
    found = select(outcomes.failed().scalar_subquery(), latest.scalar_subquery())
    return cast("tuple[int, date | None]", db.session.execute(found).one())


def _mails(failed: int) -> Line:
    if not failed:
        return Line("Mails", Mark.GOOD, "None failed lately.")
    said = "One failed lately." if failed == 1 else f"{failed} failed lately."
    return Line("Mails", Mark.LOOK, said, "The list of mails says why, and sends them again.")


def _daily(organization: Organization, day: date | None) -> Line:
    advice = "It runs after three in the morning by itself. Look at the scheduler."
    if day is None:
        return Line("Day's work", Mark.LOOK, "It was not done yet.", advice)
    said = f"Overdue marking and reminders were done for {day:%B} {day.day}."
    late = organization.today - day > timedelta(days=1)
    return Line("Day's work", Mark.ACT if late else Mark.GOOD, said, advice if late else "")
