"""The organization's home: all chapters compared, and what needs the national office first."""

from flask import render_template

from webapp.core import clock
from webapp.domain.notifications import outcomes
from webapp.domain.reporting import aging, attention, last_billed, received, same_day
from webapp.web.gates import current_organization
from webapp.web.national import national


@national.get("/")
def home() -> str:
    today = current_organization.today
    billed = last_billed.of_organization(today)
    return render_template(
        "national/home/index.html",
        today=today,
        billed=billed,
        before=same_day.before(billed.period, today) if billed else None,
        aging=aging.aging(today),
        months=received.by_month(today),
        now=clock.now(),
        needs=attention.of_organization(failed_mails=outcomes.failed()),
    )
