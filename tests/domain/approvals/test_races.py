"""Two who decide at once, and a limit or a role that is taken away in the same moment."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from tests import factories
from tests.processor import fresh
from tests.services import Database
from tests.waiting import wait_until_somebody_waits
from webapp import wiring
from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.core.errors import Refusal
from webapp.domain.approvals import Action, ApprovalRequest, ApprovalState, policy
from webapp.domain.approvals.policy import Place, Right
from webapp.domain.billing import adjusting
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import AdjustmentKind
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Chapter, Login, Member, Organization, Role, RoleName, roles

TODAY = date(2026, 11, 21)
TIMES = 100


class Desk:
    """A chapter whose treasurer asks to waive something of a large invoice, again and again."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.chapter: Chapter = factories.make_chapter()
        self.member: Member = factories.make_member(self.chapter, factories.make_status())
        self.invoice_id: UUID = factories.make_invoice(1_000_000, member=self.member).id
        self.admin = factories.make_admin("Nora Admin")
        self.treasurer = self.make_treasurer("Theo Treasurer")

    def make_treasurer(self, name: str) -> Login:
        login = factories.make_login(name)
        factories.make_role(login, RoleName.TREASURER, chapter=self.chapter)
        return login

    def ask(self) -> UUID:
        with transaction():
            invoice = Invoice.here().get(self.invoice_id, lock=True)
            waiver = Change(AdjustmentKind.WAIVER, 1_000, "Paid at the door.")
            adjustment = adjusting.adjust(invoice, waiver, by=self.treasurer, on=TODAY)
            found = ApprovalRequest.here().first(ApprovalRequest.subject_id == adjustment.id)
        assert found is not None
        return found.id

    def approve(self, request_id: UUID, by: Login) -> str:
        """What the person is told, in a thread of its own."""
        with self.app.app_context(), tenancy.acting_for(self.chapter.organization_id):
            try:
                with transaction() as session:
                    request = ApprovalRequest.here().get(request_id)
                    decider = session.get_one(Login, by.id)
                    seen = request.order_digest
                    request.approve(by=decider, seen=seen, carry_out=wiring.ACTIONS, on=TODAY)
            except Refusal as refusal:
                return refusal.message
            finally:
                db.session.remove()
            return "done"

    @property
    def waived(self) -> int:
        return 1_000_000 - fresh(Invoice, self.invoice_id).owed


@pytest.fixture
def desk(app: Flask, organization: Organization) -> Desk:
    return Desk(app)


@pytest.mark.case("F14", "K30")
def test_of_two_who_approve_at_once_one_wins_and_the_other_is_told_who(desk: Desk) -> None:
    deciders = [desk.admin, factories.make_admin("Max Admin")]
    told: Counter[str] = Counter()
    with ThreadPoolExecutor(2) as threads:
        for _ in range(TIMES):
            request_id, together = desk.ask(), threading.Barrier(2)

            def decide(by: Login, request_id: UUID = request_id, together: Any = together) -> str:
                together.wait(10)
                return desk.approve(request_id, by)

            told.update(threads.map(decide, deciders))

    assert told["done"] == TIMES
    losers = {f"This was already approved by {by.name}." for by in deciders}
    assert set(told) - {"done"} <= losers
    assert told.total() == 2 * TIMES
    assert desk.waived == TIMES * 1_000


def meanwhile(desk: Desk, database: Database, by: Login, change: Callable[[], None]) -> str:
    """`by` approves in the moment between the change and its commit; what `by` is told."""
    request_id = desk.ask()
    with ThreadPoolExecutor(1) as threads:
        with transaction():
            change()
            db.session.flush()
            answer = threads.submit(desk.approve, request_id, by)
            wait_until_somebody_waits(database)
        told = answer.result(20)
    assert fresh(ApprovalRequest, request_id).state is ApprovalState.PENDING
    assert desk.waived == 0
    noted = AuditEntry.here().first(AuditEntry.action == "approval refused")
    assert noted is not None and noted.by_name == by.name and noted.reason == told
    return told


@pytest.mark.case("F15")
def test_a_limit_lowered_in_the_same_moment_counts(desk: Desk, database: Database) -> None:
    place = Place(RoleName.TREASURER, Action.ADJUSTMENT, Right.SECOND)
    colleague = desk.make_treasurer("Tara Treasurer")
    with transaction():
        policy.set_limit(place, 1_000, by=desk.admin)

    told = meanwhile(desk, database, colleague, lambda: policy.set_limit(place, 999, by=desk.admin))

    assert "may not decide this" in told


@pytest.mark.case("F15")
def test_a_role_taken_away_in_the_same_moment_counts(desk: Desk, database: Database) -> None:
    leaving = factories.make_admin("Lea Leaving")

    def take_away() -> None:
        roles.remove(Role.here().all(Role.login_id == leaving.id)[0], by=desk.admin)

    assert "may not decide this" in meanwhile(desk, database, leaving, take_away)


@pytest.mark.case("F15")
def test_the_role_of_whoever_asked_counts_until_the_moment_of_the_decision(
    desk: Desk, database: Database
) -> None:
    def take_away() -> None:
        roles.remove(Role.here().all(Role.login_id == desk.treasurer.id)[0], by=desk.admin)

    assert "may not ask for it any more" in meanwhile(desk, database, desk.admin, take_away)
