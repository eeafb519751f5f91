"""The organization's home: all chapters compared, and what needs the national office first."""

from flask import render_template

from webapp.domain.notifications import outcomes
from webapp.domain.organizations import Chapter
from webapp.domain.reporting import aging, attention, collections
from webapp.web.gates import current_organization
from webapp.web.national import national


@national.get("/")
def home() -> str:
    today = current_organization.today
    period = collections.current_period(today)
    return render_template(
        "national/home/index.html",
        today=today,
        period=period,
        figures=collections.of_period(period.id) if period else None,
        by_chapter=collections.of_period_by_chapter(period.id) if period else {},
        chapters=Chapter.here().all(Chapter.active.is_(True), order_by=Chapter.name),
        aging=aging.aging(today),
        months=collections.by_month(today),
        needs=attention.of_organization(),
        failed_mails=outcomes.failed_lately(),
    )
