"""Members to be billed, and what they were billed."""

import threading
from collections.abc import Callable
from datetime import date

from flask import Flask
from sqlalchemy import func, select, update

from tests import factories
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.organizations import Chapter, Member, MemberStatus, Organization


def live_invoices() -> list[Invoice]:
    found = (
        Invoice.here().select(Invoice.status != InvoiceStatus.VOID).order_by(Invoice.year, Invoice.sequence)
    )
    return list(db.session.scalars(found.execution_options(populate_existing=True)))


def all_sequences() -> list[int]:
    found = select(Invoice.sequence).where(Invoice.organization_id == tenancy.organization_id())
    return list(db.session.scalars(found.order_by(Invoice.sequence)))


def add_members(chapter: Chapter, status: MemberStatus, how_many: int, **changes: object) -> None:
    first = db.session.scalar(select(func.count()).select_from(Member)) or 0
    db.session.rollback()
    with transaction() as session:
        session.add_all(
            Member(
                number=f"M{first + place:06d}",
                first_name="Ana",
                last_name=f"Núñez {place}",
                chapter_id=chapter.id,
                status_id=status.id,
                joined_on=date(2025, 9, 1),
                **changes,
            )
            for place in range(how_many)
        )


class Roster:
    """1,357 members in two chapters: several rates, one lower in one chapter, and some pay nothing."""

    expected_total = 500 * 40_000 + 200 * 35_000 + 500 * 5_000
    expected_billed = 1_200

    def __init__(self) -> None:
        alpha, beta = factories.make_chapter("ALP", "Alpha"), factories.make_chapter("BET", "Beta")
        undergraduate, alumnus = factories.make_status("undergraduate"), factories.make_status("alumnus")
        retiree = factories.make_status("retiree", billable=False)
        honorary = factories.make_status("honorary")
        factories.make_rate(undergraduate, 40_000)
        factories.make_rate(undergraduate, 35_000, chapter=beta)
        factories.make_rate(alumnus, 5_000)
        factories.make_rate(honorary, 0)
        add_members(alpha, undergraduate, 500)
        add_members(beta, undergraduate, 200)
        add_members(alpha, alumnus, 300)
        add_members(beta, alumnus, 200)
        add_members(alpha, retiree, 100)
        add_members(beta, honorary, 30)
        add_members(alpha, alumnus, 20, left_on=date(2026, 1, 31))
        add_members(alpha, undergraduate, 7)
        with transaction() as session:
            late = Member.number >= "M001350"
            session.execute(update(Member).where(late).values(joined_on=date(2026, 9, 1)))
        self.alpha, self.beta, self.undergraduate, self.retiree = alpha, beta, undergraduate, retiree


def at_the_same_time(app: Flask, organization: Organization, works: list[Callable[[], None]]) -> None:
    """Each on a connection of its own, beginning together."""
    db.session.rollback()
    begin, failures, organization_id = (
        threading.Barrier(len(works), timeout=10),
        list[BaseException](),
        organization.id,
    )
    db.session.rollback()

    def go(work: Callable[[], None]) -> None:
        with app.app_context(), tenancy.acting_for(organization_id):
            try:
                begin.wait()
                work()
            except BaseException as failure:
                failures.append(failure)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=go, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert failures == []
