"""A member with a saved card, and a payment plan that is collected from it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from tests import factories
from tests.processor import ADDRESSES, Shop, fresh, make_owed
from webapp import at_processor
from webapp.core import clock
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, later
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.notifications.composing import Occasion, compose
from webapp.domain.notifications.delivery import Mail
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.messages import Message
from webapp.domain.organizations import Chapter, Login, Member, Organization, RoleName
from webapp.domain.payments import method_setups
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.saved_charges import SavedCharge
from webapp.domain.payments.saved_methods import SavedMethod
from webapp.domain.plans import answering, autopay, following, nightly, proposing
from webapp.domain.plans.following import Progress
from webapp.domain.plans.plan import Installment, PaymentPlan
from webapp.domain.plans.proposing import Wish
from webapp.domain.plans.terms import Terms


def save_method(shop: Shop, instrument: str = "success") -> SavedMethod:
    """The whole way over the processor's page."""
    with transaction():
        begun = method_setups.begin(shop.member, addresses=ADDRESSES, now=clock.now())
    page = at_processor.look_up_method(begun.id)
    assert page.url is not None
    shop.sandbox.pay(page.url, instrument)
    return at_processor.look_up_method(begun.id)


LINKS = Links("https://dues.example.org", "secret")


@dataclass
class Kept:
    """A plan of 400.00 for invoices of 250.00 and 150.00: 100.00 at once and three installments of 100.00."""

    shop: Shop
    ana: Login
    treasurer: Login
    plan_id: UUID
    invoices: list[Invoice]

    @property
    def plan(self) -> PaymentPlan:
        return fresh(PaymentPlan, self.plan_id)

    @property
    def parts(self) -> list[Installment]:
        return list(
            Installment.here().all(Installment.plan_id == self.plan_id, order_by=Installment.position)
        )

    @property
    def progress(self) -> Progress:
        return following.progress_of(self.plan)

    @property
    def owed(self) -> list[int]:
        return [step.owed for step in self.progress.steps]

    @property
    def payments(self) -> list[Payment]:
        db.session.rollback()
        found = Payment.here().select().order_by(Payment.id).execution_options(populate_existing=True)
        return list(db.session.scalars(found))

    @property
    def charges(self) -> list[SavedCharge]:
        found = SavedCharge.here().select().order_by(SavedCharge.attempt)
        return list(db.session.scalars(found.execution_options(populate_existing=True)))

    @property
    def words(self) -> str:
        organization = db.session.get_one(Organization, factories.here())
        return autopay.words(organization, DuesSettings.of(organization).card_retry_days)

    def propose_instead(self) -> PaymentPlan:
        """The treasurer proposes another plan in its place."""
        today = self.plan_began
        terms = Terms(starts_on=today, payment_day=15, installments=2)
        with transaction():
            wish = Wish([one.id for one in self.invoices], terms, replaces=self.plan)
            return proposing.propose(
                fresh(Member, self.shop.member_id), wish, as_member=False, by=self.treasurer, on=today
            )

    def turn_on(self, instrument: str = "success") -> SavedMethod:
        method = save_method(self.shop, instrument)
        self.choose(method)
        return method

    def choose(self, method: SavedMethod, *, by: Login | None = None) -> None:
        said = self.words
        with transaction() as session:
            held = PaymentPlan.here().get(self.plan_id, lock=True)
            organization = session.get_one(Organization, factories.here())
            autopay.turn_on(held, method.id, shown=said, organization=organization, by=by or self.ana)

    def night(self, days: int = 0) -> None:
        """What a day does to plans, so many days after the plan began, and the jobs that it promises."""
        self.promise(days)
        self.shop.work()

    def promise(self, days: int = 0) -> dict[str, int]:
        db.session.rollback()
        with transaction() as session:
            organization = session.get_one(Organization, factories.here())
            return nightly.pass_day(organization, self.day(days))

    def mail(self, *conditions: Any, days: int = 0) -> Message:
        """What the one mail that meets the conditions says so many days after the plan began."""
        with transaction() as session:
            organization = session.get_one(Organization, factories.here())
            [mail] = Mail.here().all(*conditions)
            return compose(Occasion(mail, organization, LINKS, self.day(days)))[0]

    def collect(self, days: int = 0, position: int = 0) -> None:
        """The job alone, as if it had been promised once more."""
        self.promise_job(days, position)
        self.shop.work()

    def promise_job(self, days: int = 0, position: int = 0) -> None:
        with transaction():
            later(
                Job.COLLECT_INSTALLMENT,
                plan_id=self.plan_id,
                installment_id=self.parts[position].id,
                day=self.day(days).isoformat(),
            )

    def due_night(self, position: int) -> None:
        """The night of the day this part is due."""
        self.night((self.parts[position].due_on - self.plan_began).days)

    def day(self, days: int) -> date:
        return self.plan_began + timedelta(days=days)

    @property
    def plan_began(self) -> date:
        began = self.plan.accepted_on
        assert began is not None
        return began


def keep(shop: Shop) -> Kept:
    chapter = Chapter.here().get(shop.chapter_id)
    treasurer, ana = factories.make_login("Tom Treasurer"), factories.make_login("Ana Núñez")
    factories.make_role(treasurer, RoleName.TREASURER, chapter=chapter)
    factories.make_role(ana, RoleName.MEMBER, member=shop.member)
    with transaction():
        Member.here().get(shop.member_id).login_id = ana.id
    return Kept(shop, ana, treasurer, *agree(shop, ana, treasurer))


def agree(shop: Shop, ana: Login, treasurer: Login) -> tuple[UUID, list[Invoice]]:
    """Two more invoices, and the plan that both sides agree on for them."""
    due = date(2099, 10, 1)
    invoices = [make_owed(shop.member, 25_000, due_on=due), make_owed(shop.member, 15_000, due_on=due)]
    with transaction() as session:
        today = session.get_one(Organization, factories.here()).today
        terms = Terms(starts_on=today, payment_day=31, installments=3, down_payment=10_000)
        wish = Wish([one.id for one in invoices], terms)
        plan = proposing.propose(shop.member, wish, as_member=False, by=treasurer, on=today)
    with transaction():
        held = PaymentPlan.here().get(plan.id, lock=True)
        answering.accept(held, as_member=True, by=ana, on=today)
    return plan.id, invoices
