"""The real organization beside the books that are kept by hand: both are told the same, then compared."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import text

from tests import factories
from tests.jobs import JobRunner
from tests.processor import Shop, connect, post_webhook
from tests.properties.books import Books
from tests.properties.documents import Page, Refund
from tests.properties.dues import DUE_AFTER, Roll, Schedule
from tests.sandbox.control import SandboxControl
from webapp.core import tenancy
from webapp.core.db import database_time, db, transaction
from webapp.core.errors import Invalid, Refusal
from webapp.core.jobs import Job, OutboxJob, later
from webapp.domain.approvals import Action, policy
from webapp.domain.approvals.policy import Place, Right
from webapp.domain.billing.schedules import AssessmentSchedule, Basis, ScheduleKind
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import Chapter, Login, MemberStatus, Organization, RoleName
from webapp.domain.payments.checkout import Checkout

START = datetime(2031, 11, 3, 17, tzinfo=UTC)
"""Noon in New York. Some weeks on a new year begins, and with it new invoice numbers."""

CHAPTERS = ("ALP", "BET")
STATUSES = ("junior", "senior", "friend")
DUES = Schedule("Regular dues", "4000", Decimal(0))
ROOF = Schedule("Roof fund", "4010", Decimal("12.50"), amount=10_001, divided=True)
EXAM = Schedule("Exam fee", "4010", Decimal("33.33"), amount=333, status="junior")
SCHEDULES = (DUES, ROOF, EXAM)
DEFAULT_AMOUNT = 5_000
ADJUSTED_ALONE = 2_000
"""Of one invoice, by an officer. Of write-offs nothing."""
PLANNED_ALONE = 12_000
"""A payment plan about more needs a second officer."""
RETURNED_DEBIT_FEE = 750


@dataclass
class Desk:
    """What every example is founded with: the running application, the processor, and a place for files."""

    sandbox: SandboxControl
    client: FlaskClient
    folder: Path
    read_every: int = 4
    founded: int = 0

    @property
    def is_read(self) -> bool:
        """Whether somebody else's program reads the journal of the history that ends now."""
        return self.founded % self.read_every == 0

    @contextmanager
    def organization(self) -> Iterator[Any]:
        self.founded += 1
        self.sandbox.reset()
        self.sandbox.settings(ach_delay=None, refund_delay=None, fee_delay=0)
        made = factories.make_organization()
        with tenancy.acting_for(made.id):
            factories.found(made)
            yield made
            db.session.rollback()


@dataclass
class Wish:
    """What waits for a second person, and what comes of it by hand; nobody decides what is over."""

    by: str
    subject_id: UUID
    is_possible: Callable[[], bool]
    granted: Callable[[], None]
    denied: Callable[[], None]
    is_over: Callable[[], bool] = lambda: False
    withdrawn: Callable[[], None] | None = None
    """Where it is something else than being denied."""


class Office:
    """One organization, told what happens in both ways."""

    def __init__(self, desk: Desk, organization: Any, travel: Callable[[timedelta], None]) -> None:
        self.organization_id, self.travel = organization.id, travel
        self.books = Books(organization.today, RETURNED_DEBIT_FEE)
        self.roll = Roll(self.books, DEFAULT_AMOUNT, frozenset({"friend"}))
        self.chapters = {code: factories.make_chapter(code, code.title()).id for code in CHAPTERS}
        self.statuses = {code: factories.make_status(code, billable=code != "friend").id for code in STATUSES}
        self.officers = {name: factories.make_admin(name).id for name in ("Nora", "Omar")}
        self.schedules = {DUES: factories.standard_schedule().id} | {
            one: factories.make_schedule(
                one.name,
                kind=ScheduleKind.SPECIAL_ASSESSMENT,
                basis=Basis.SHARE if one.divided else Basis.FLAT,
                amount=one.amount,
                chapter_percent=one.percent,
                status_id=self.statuses[one.status] if one.status else None,
            ).id
            for one in (ROOF, EXAM)
        }
        with transaction():
            settings = DuesSettings.of(organization)
            for action, limit in ((Action.ADJUSTMENT, ADJUSTED_ALONE), (Action.PAYMENT_PLAN, PLANNED_ALONE)):
                policy.set_limit(Place(RoleName.NATIONAL_ADMIN, action, Right.ALONE), limit, by=None)
            settings.change(
                by=None,
                default_amount=DEFAULT_AMOUNT,
                due_after_days=DUE_AFTER.days,
                returned_debit_fee=RETURNED_DEBIT_FEE,
            )
        workers = JobRunner(OutboxJob.organization_id == organization.id, OutboxJob.queue != "mail")
        nobody = UUID(int=0)
        self.shop = Shop(organization, desk.sandbox, desk.client, workers, connect().id, nobody, nobody)
        self.members: dict[str, UUID] = {}
        self.logins: dict[str, UUID] = {}
        self.periods: dict[str, UUID] = {}
        self.runs: list[UUID] = []
        self.wishes: list[Wish] = []
        self.sessions: list[dict[str, str]] = []
        self.promised: deque[Callable[[], None]] = deque()
        self.course = "succeeded"

    # Both sides

    def promise(self, work: Callable[[], None]) -> None:
        """Something that the workers will do."""
        self.promised.append(work)

    def work(self) -> None:
        self.shop.work()
        self._keep_promises()

    def _keep_promises(self) -> None:
        while self.promised or self.books.to_close:
            while self.books.to_close:
                bill = self.books.to_close.pop(0)
                self.promise(partial(self.books.close_page, bill))
            self.promised.popleft()()

    def pass_days(self, days: int) -> None:
        self.work()
        self.travel(timedelta(days=days))
        self.shop.sandbox.advance(0)
        self.books.pass_days(days)
        with transaction():
            later(Job.DAILY, day=self.books.today.isoformat())
        self.work()

    # The real side

    def login(self, name: str) -> Login:
        """An officer's, or a member's by number."""
        return db.session.get_one(Login, (self.officers | self.logins)[name])

    def chapter(self, code: str) -> Chapter:
        return Chapter.here().get(self.chapters[code])

    def status(self, code: str) -> MemberStatus:
        return MemberStatus.here().get(self.statuses[code])

    def schedule(self, schedule: Schedule) -> AssessmentSchedule:
        return AssessmentSchedule.here().get(self.schedules[schedule])

    def organization(self) -> Organization:
        return db.session.get_one(Organization, self.organization_id)

    def invoice_id(self, number: str) -> UUID:
        found = db.session.execute(
            text("SELECT id FROM invoices WHERE organization_id = :here AND number = :number"),
            {"here": self.organization_id, "number": number},
        )
        return UUID(str(found.scalar_one()))

    def remember(self, checkout: Checkout) -> None:
        assert checkout.url and checkout.session_reference
        self.sessions.append({"session": checkout.session_reference, "url": checkout.url})

    def at_processor(self, page: Page, what: str) -> str:
        """The reference of a page's `session`, `intent` or `charge`, or its `url`."""
        return self.sessions[self.books.pages.index(page)][what]

    def note_attempt(self, page: Page) -> None:
        """What the processor calls the payment that was tried on this page."""
        place = self.books.pages.index(page)
        session = self.sessions[place]["session"]
        [seen] = [one for one in self.shop.sandbox.objects("checkout.session") if one["id"] == session]
        [intent] = [
            one for one in self.shop.sandbox.objects("payment_intent") if one["id"] == seen["payment_intent"]
        ]
        self.sessions[place] |= {"intent": intent["id"], "charge": intent["latest_charge"] or ""}

    def deliver(self, event: dict[str, Any]) -> None:
        """Sealed by the one clock that does not travel."""
        sealed_at = int(database_time().timestamp())
        db.session.rollback()
        body = json.dumps(event)
        assert post_webhook(self.shop.client, self.shop.processor, body, timestamp=sealed_at) == 200

    def page_of(self, event: dict[str, Any]) -> Page | None:
        """Which page an event speaks of, by any of its references."""
        about = event["data"]["object"]
        for page, names in zip(self.books.pages, self.sessions, strict=True):
            if {about["id"], about.get("payment_intent")} & {names["session"], names.get("intent")} - {None}:
                return page
        return None

    def refunds_go(self, course: str) -> None:
        """Of all refunds from now on. What was sent off before goes first, and seconds lie between two
        refunds, so that it is clear which came first.
        """
        if any(refund.here == "released" for refund in self.books.refunds):
            self.work()
        self.shop.sandbox.advance(1)
        self.shop.sandbox.settings(refund_course=course)
        self.course = course

    def refund_there(self, page: Page, amount: int) -> None:
        self.shop.refund_charge(self.at_processor(page, "charge"), amount)

    def remember_refund(self, page: Page, refund: Refund) -> None:
        """What the processor calls it."""
        charge = self.at_processor(page, "charge")
        made = [one for one in self.shop.sandbox.objects("refund") if one["charge"] == charge]
        found = list(reversed(made))[len(page.refunds)]
        refund.name = (found["created"], found["id"])
        page.refunds.append(refund)

    def dispute_there(self, page: Page, amount: int, *, inquiry: bool) -> None:
        charge = self.at_processor(page, "charge")
        made = self.shop.sandbox.act(charge, "dispute", amount=amount, inquiry=inquiry)
        self.sessions[self.books.pages.index(page)]["dispute"] = made["id"]

    def return_debit(self, page: Page, *, as_dispute: bool) -> None:
        charge = self.at_processor(page, "charge")
        made = self.shop.sandbox.act(charge, "return" if as_dispute else "failure")
        if as_dispute:
            self.sessions[self.books.pages.index(page)]["dispute"] = made["id"]

    def knows(self, page: Page, what: str) -> bool:
        return what in self.sessions[self.books.pages.index(page)]

    def rows(self, statement: str, **named: Any) -> list[Any]:
        return list(db.session.execute(text(statement), {"here": self.organization_id} | named).all())


@contextmanager
def refused_if(condition: bool) -> Iterator[None]:
    """What is inside is refused in this case and in no other, in words that a treasurer understands."""
    try:
        yield
    except Refusal as refusal:
        assert condition, f"should have been possible: {refusal.message}"
        said = [refusal.message, *(refusal.fields.values() if isinstance(refusal, Invalid) else ())]
        assert all(len(sentence.split()) > 2 and sentence.endswith(".") for sentence in said), said
    else:
        assert not condition, "should have been refused"
