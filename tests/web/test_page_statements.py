"""How often a page asks the database: few times, and no more often when its lists are long."""

from collections.abc import Iterable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from tests import factories
from tests.rows import Rows
from tests.statements import statements
from tests.web.specimens import make_approval, make_batch, make_credit, make_dispute, make_event, make_mail
from tests.web.world import ADMIN, AUDITOR, MEMBER, TREASURER, World, enter, make_world, rules
from webapp.core import tenancy
from webapp.core.db import new_id, transaction
from webapp.core.jobs import JobState, OutboxJob
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Member, RoleName, sessions, tokens
from webapp.domain.organizations.sessions import FOR_STAFF
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method

MOST = 7
PAGES = ("visitors", "account", "members", "approvals", "own", "treasurers", "national")


def make_large(name: str, size: int) -> World:
    """A world with so many of everything that a page shows."""
    world = make_world(name, members=size)
    with tenancy.acting_for(world.organization.id):
        _fill_chapter(world, size)
        _fill_batch(world, size)
        _fill_account_of_the_member(world, size)
        for who in (ADMIN, TREASURER, AUDITOR, MEMBER):
            with transaction():
                for _ in range(size):
                    sessions.start(world.logins[who], FOR_STAFF)
    return world


def _fill_chapter(world: World, size: int) -> None:
    invoices = {invoice.member_id: invoice for invoice in Invoice.here().all()}
    members = Member.here().all(Member.chapter_id == world.chapter.id, Member.id.in_(invoices))
    for number, member in zip(range(size), members, strict=True):
        factories.make_chapter(f"X{number}", f"Chapter {number}")
        factories.make_status(f"status-{number}", billable=False)
        factories.make_role(factories.make_login(f"Officer {number}"), RoleName.AUDITOR)
        with transaction() as session:
            paid = record_offline(member, 1_000, method=Method.CASH, on=member.joined_on, by=None)
            session.add(make_dispute(paid))
            make_credit(member, world.logins[ADMIN])
            tokens.create(f"Program {number}", RoleName.AUDITOR, by=world.logins[ADMIN])
            dead = OutboxJob(id=new_id(), name="confirm_fee", queue="now", state=JobState.DEAD, attempts=20)
            session.add_all([make_event(world.ids["processor_id"]), make_mail(invoices[member.id]), dead])
            make_approval(invoices[member.id].id, world.logins[TREASURER], 1_000)


def _fill_batch(world: World, size: int) -> None:
    """Half of its lines can't be told."""
    members = Member.here().all(Member.chapter_id == world.chapter.id)
    rows = [(member.number, "1.00") for member in members[: size // 2]]
    rows += [(f"Nobody {member.last_name}", "1.00") for member in members[: size // 2]]
    world.ids["batch_id"] = make_batch(world.chapter, rows, world.logins[TREASURER]).id


def _fill_account_of_the_member(world: World, size: int) -> None:
    """Each invoice has a period, a schedule and a run of its own."""
    alone = factories.make_status("alone")
    with transaction():
        member = Member.here().get(world.ids["member_id"])
        member.status_id = alone.id
    for _ in range(size):
        factories.make_invoice(member=member)
    with transaction():
        record_offline(member, 3_000, method=Method.CASH, on=member.joined_on, by=None)


def asked_by_pages(client: FlaskClient, world: World, who: str, pages: Iterable[Rule]) -> dict[str, int]:
    """How many statements each of these pages costs that this person may see."""
    enter(client, world.logins[who])
    asked = {}
    for rule in pages:
        with statements() as sent:
            answer = client.get(world.address(rule))
        if answer.status_code == 200:
            asked[rule.endpoint] = len(sent)
    return asked


def unlike(few: dict[str, int], many: dict[str, int]) -> dict[str, tuple[int | None, int]]:
    """Pages that ask more often when their lists are long, or too often anyhow."""
    return {
        page: (few.get(page), count) for page, count in many.items() if few.get(page) != count or count > MOST
    }


def test_a_page_asks_at_most_seven_times_and_with_fifty_rows_as_often_as_with_five(
    app: Flask, client: FlaskClient, rows: Rows, record_property: Any
) -> None:
    small, large = make_large("Small", 5), make_large("Large", 50)
    rows.count_again()

    for who in (ADMIN, TREASURER, AUDITOR, MEMBER):
        pages = rules(app, "GET", *PAGES)
        few, many = (asked_by_pages(client, world, who, pages) for world in (small, large))
        again = [rule for rule in pages if rule.endpoint in unlike(few, many)]  # the first visit notes more
        few, many = (
            asked | asked_by_pages(client, world, who, again)
            for asked, world in ((few, small), (many, large))
        )

        record_property(f"statements, {who}", many)
        assert unlike(few, many) == {}, who
