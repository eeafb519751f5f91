"""Many hands at once on few members and invoices: whatever the interleaving, the books stay true."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from random import Random
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
import stripe
from sqlalchemy import text

from tests import factories
from tests.jobs import JobRunner
from tests.processor import ADDRESSES, Shop
from webapp import at_processor, wiring
from webapp.core import deadlocks, tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Refusal
from webapp.core.jobs import JobState, OutboxJob
from webapp.domain.approvals import ApprovalRequest, ApprovalState
from webapp.domain.billing import confirming, undoing
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.run import BillingRun
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.billing.spreading import in_proportion, oldest_first, only
from webapp.domain.organizations import Login, Member, Organization
from webapp.domain.payments import reversing
from webapp.domain.payments.checkout import UNFINISHED, Checkout
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Allocation, Method, Payment, PaymentState
from webapp.domain.refunds.refund import How, Refund, RefundState
from webapp.domain.refunds.requesting import Terms, request_refund
from webapp.web import paying

HANDS, DEEDS = 5, 10
SEEDS = [pytest.param(seed, marks=[] if seed < 3 else [pytest.mark.soak]) for seed in range(60)]


class Crowd:
    """Three members who owe dues and an assessment, two officers, and what anybody may do to them."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.organization_id: UUID = shop.organization.id
        chapter, status = factories.make_chapter("GAM"), factories.make_status("junior")
        factories.make_rate(status, 9_000)
        self.members = [factories.make_member(chapter, status, email=None).id for _ in range(3)]
        self.officers = [factories.make_admin(name).id for name in ("Nora", "Omar")]
        self.schedules = [factories.standard_schedule().id, factories.make_schedule(amount=4_321).id]
        self.period_id = factories.make_period().id
        self.workers = JobRunner(OutboxJob.queue != "mail")
        for schedule_id in self.schedules:
            self.confirm(schedule_id, self.officers[0])
        shop.work()
        self.deeds: list[Callable[[Random], None]] = [
            self.record, self.record, self.open_page, self.pay, self.pay, self.look, self.refund, self.void,
            self.bill_again, self.undo, self.give_back, self.give_back, self.decide, self.contest,
            self.end_dispute, self.reverse, self.work, self.work,
        ]  # fmt: skip

    def record(self, chance: Random) -> None:
        with transaction():
            named = only(self.any_invoice(chance))
            record_offline(
                Member.here().get(chance.choice(self.members)),
                chance.choice([500, 4_321, 9_000, 20_000]),
                method=Method.CHECK,
                on=self.organization().today,
                by=None,
                spread=chance.choice([oldest_first, in_proportion, named]),
            )

    def open_page(self, chance: Random) -> None:
        paying.open_checkout(self.any_invoice(chance).id, ADDRESSES)

    def pay(self, chance: Random) -> None:
        opened = paying.open_checkout(self.any_invoice(chance).id, ADDRESSES)
        assert opened.url is not None
        self.shop.sandbox.pay(opened.url, chance.choice(["success", "bank_waits"]))

    def look(self, chance: Random) -> None:
        """As a webhook has it done."""
        with transaction():
            checkouts = Checkout.here().all(Checkout.session_reference.is_not(None), order_by=Checkout.id)
        if checkouts:
            at_processor.look_up(chance.choice(checkouts).id)

    def refund(self, chance: Random) -> None:
        """On the processor's own page; what was given back or is disputed is refused there."""
        left = [one for one in self.charges() if not one["amount_refunded"]]
        if left:
            with suppress(stripe.InvalidRequestError):
                self.shop.refund_charge(chance.choice(left)["id"], 100)

    def give_back(self, chance: Random) -> None:
        """The way it came; above the cap it waits for the other officer."""
        with transaction():
            live = Allocation.here().all(Allocation.undone_at.is_(None), order_by=Allocation.id)
            if live:
                chosen = chance.choice(live)
                payment = Payment.here().get(chosen.payment_id)
                how = How.CHECK if payment.is_offline else How.ORIGINAL
                amount, owed_again = chance.choice([100, 4_000, 9_000]), chance.choice([True, False])
                request_refund(
                    chosen.invoice_id,
                    payment.id,
                    Terms(amount, how, "Moved away", owed_again, "77"),
                    by=self.login(chance.choice(self.officers)),
                    on=self.organization().today,
                )

    def decide(self, chance: Random) -> None:
        with transaction():
            waiting = ApprovalRequest.here().all(ApprovalRequest.state == ApprovalState.PENDING)
            if waiting:
                request = chance.choice(waiting)
                by, on = self.login(chance.choice(self.officers)), self.organization().today
                if chance.choice([True, True, False]):
                    request.approve(by=by, seen=request.order_digest, carry_out=wiring.ACTIONS, on=on)
                else:
                    request.deny(by=by, reason="Not this year", tell=wiring.DENIALS, on=on)

    def contest(self, chance: Random) -> None:
        if left := [one for one in self.charges() if not one["disputed"]]:
            self.shop.sandbox.try_to(chance.choice(left)["id"], "dispute")

    def end_dispute(self, chance: Random) -> None:
        if disputes := self.shop.sandbox.objects("dispute"):
            self.shop.sandbox.try_to(chance.choice(disputes)["id"], chance.choice(["win", "loss"]))

    def reverse(self, chance: Random) -> None:
        recorded = Payment.here().all(Payment.processor_id.is_(None), order_by=Payment.id)
        if recorded:
            with transaction():
                reversing.reverse(
                    chance.choice(recorded).id, by=None, reason="Another's", on=self.organization().today
                )

    def charges(self) -> list[dict[str, Any]]:
        """Those that brought money."""
        return [one for one in self.shop.sandbox.objects("charge") if one["status"] == "succeeded"]

    def void(self, chance: Random) -> None:
        with transaction():
            invoice = Invoice.here().get(self.any_invoice(chance).id, lock=True)
            invoice.void(by=None, reason="Billed in error", on=self.organization().today)

    def bill_again(self, chance: Random) -> None:
        self.confirm(chance.choice(self.schedules), chance.choice(self.officers))

    def undo(self, chance: Random) -> None:
        with transaction():
            run = chance.choice(BillingRun.here().all(order_by=BillingRun.id))
            locked = BillingRun.here().get(run.id, lock=True)
            undoing.request(locked, by=self.login(chance.choice(self.officers)), reason="Wrong rate")

    def work(self, _: Random) -> None:
        self.workers.run_all()

    def confirm(self, schedule_id: UUID, by: UUID) -> None:
        with transaction():
            organization = self.organization()
            confirming.confirm(
                organization,
                AssessmentSchedule.here().get(schedule_id),
                BillingPeriod.here().get(self.period_id),
                dated=organization.today,
                by=self.login(by),
            )

    def any_invoice(self, chance: Random) -> Invoice:
        return chance.choice(Invoice.here().all(order_by=Invoice.id))

    def organization(self) -> Organization:
        return db.session.get_one(Organization, self.organization_id)

    def login(self, login_id: UUID) -> Login:
        return db.session.get_one(Login, login_id)

    def settle_down(self) -> None:
        """Debits settle, every event is heard, and the workers do all that was promised."""
        for intent in self.shop.sandbox.objects("payment_intent"):
            if intent["status"] == "processing":
                self.shop.sandbox.act(intent["id"], "settlement")
        self.shop.hear()
        for _ in range(3):
            self.workers.skip_pauses()
            self.workers.run_all()


@pytest.fixture
def crowd(shop: Shop) -> Crowd:
    return Crowd(shop)


@pytest.mark.case("F16")
@pytest.mark.case("K11")
@pytest.mark.case("K20")
@pytest.mark.parametrize("seed", SEEDS)
def test_many_hands_leave_true_books(crowd: Crowd, seed: int) -> None:
    app, ready = crowd.shop.client.application, Barrier(HANDS)
    db.session.rollback()

    def act(hand: int) -> list[str]:
        """Like every page and job: a lost deadlock is outlasted, and only a refusal may come of a deed."""
        chance, refused = Random(f"{seed}-{hand}"), list[str]()
        with app.app_context(), tenancy.acting_for(crowd.organization_id):
            ready.wait()
            for _ in range(DEEDS):
                deed = chance.choice(crowd.deeds)
                try:
                    deadlocks.outlast(partial(deed, chance))
                except Refusal as refusal:
                    refused.append(refusal.message)
                finally:
                    db.session.rollback()
            db.session.remove()
        return refused

    with ThreadPoolExecutor(HANDS) as pool:
        refusals = [sentence for said in pool.map(act, range(HANDS)) for sentence in said]

    assert all(sentence.endswith(".") for sentence in refusals)
    assert stumbled(crowd) == []
    crowd.settle_down()
    assert {job.state for job in crowd.workers.named("bill_batch")} <= {JobState.DONE}
    check_books(crowd)


def stumbled(crowd: Crowd) -> list[str]:
    """What kept jobs from being done at once, other than that the processor or a rule said no."""
    errors = OutboxJob.here().all(OutboxJob.last_error.is_not(None))
    return [f"{job.name}: {job.last_error}" for job in errors if job.queue != "mail"]


def check_books(crowd: Crowd) -> None:
    db.session.rollback()
    factories.verify_books(crowd.organization())
    invoices = Invoice.here().all()
    live = Counter((one.member_id, one.schedule_id, one.period_id) for one in invoices if not one.is_void)
    assert set(live.values()) <= {1}
    assert sorted(one.sequence for one in invoices) == list(range(1, len(invoices) + 1))
    parts: Counter[tuple[str, UUID]] = Counter()
    for one in Allocation.here().all(Allocation.undone_at.is_(None)):
        parts["invoice", one.invoice_id] += one.amount
        parts["payment", one.payment_id] += one.amount
    for invoice in invoices:
        assert invoice.paid - invoice.refunded == parts["invoice", invoice.id], invoice.number
        assert 0 <= invoice.paid <= invoice.billed and not (invoice.is_void and invoice.paid)
    for payment in Payment.here().all():
        assert payment.allocated == parts["payment", payment.id] <= payment.amount - payment.returned
        if payment.state is not PaymentState.REVERSED:
            assert (
                payment.returned == gone_of(payment) and payment.returned + payment.reserved <= payment.amount
            )
    check_processor(crowd)


def gone_of(payment: Payment) -> int:
    """What refunds and disputes took of it, each counted once."""
    refunds = Refund.here().all(Refund.payment_id == payment.id, Refund.state == RefundState.SUCCEEDED)
    disputes = Dispute.here().all(Dispute.payment_id == payment.id)
    return sum(one.amount for one in refunds) + sum(one.taken for one in disputes)


def check_processor(crowd: Crowd) -> None:
    """All that the processor took or gave is in the books, once; no page asks for more than is owed."""
    charges = crowd.charges()
    online = Payment.here().all(Payment.processor_id.is_not(None), Payment.state == PaymentState.SUCCEEDED)
    assert sum(one["amount"] for one in charges) == sum(one.amount for one in online if one.received_on)
    given = Refund.here().all(Refund.how == How.ORIGINAL, Refund.state == RefundState.SUCCEEDED)
    assert sum(one["amount_refunded"] for one in charges) == sum(one.amount for one in given)
    lost = [one for one in crowd.shop.sandbox.objects("dispute") if one["status"] == "lost"]
    assert sum(one["amount"] for one in lost) == sum(one.lost for one in Dispute.here().all())
    unfinished = Checkout.here().all(Checkout.state.in_(UNFINISHED))
    owed: dict[Any, int] = {one.id: one.owed for one in Invoice.here().all()}
    assert all(one.amount <= owed[one.invoice_id] for one in unfinished)
    assert not db.session.scalar(text("SELECT count(*) FROM invoices WHERE processing"))
