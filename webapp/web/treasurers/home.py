"""A chapter's home: collected, outstanding, overdue, and what needs the treasurer first."""

from flask import render_template
from sqlalchemy.orm import joinedload

from webapp.core import clock
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications import outcomes
from webapp.domain.reporting import aging, attention, last_billed, received, same_day
from webapp.web.gates import current_chapter, current_organization
from webapp.web.treasurers import treasurers


@treasurers.get("/")
def home() -> str:
    today, chapter_id = current_organization.today, current_chapter.id
    owing = Invoice.here().select(Invoice.chapter_id == chapter_id, Invoice.owed > 0)
    longest = owing.options(joinedload(Invoice.member)).order_by(Invoice.due_on, Invoice.sequence).limit(8)
    billed = last_billed.of_chapter(today, chapter_id)
    return render_template(
        "treasurers/home/index.html",
        today=today,
        billed=billed,
        before=same_day.before(billed.period, today, chapter_id=chapter_id) if billed else None,
        aging=aging.aging(today, chapter_id=chapter_id),
        owing=db.session.scalars(longest).all(),
        months=received.by_month(today, chapter_id=chapter_id),
        now=clock.now(),
        needs=attention.of_chapter(chapter_id, failed_mails=outcomes.failed(chapter_id=chapter_id)),
    )
