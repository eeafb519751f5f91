"""A processor to be paid at: the sandbox over HTTP, the real adapter and SDK in between."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any
from uuid import UUID

import pytest
import stripe
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests import factories
from tests.jobs import JobRunner
from tests.sandbox.control import Page, SandboxControl
from webapp import wiring
from webapp.core.db import db, new_id, transaction
from webapp.core.jobs import Job, OutboxJob, later
from webapp.domain import ledger
from webapp.domain.billing.invoice import Invoice, InvoiceLine, LineKind
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.schedules import AssessmentSchedule, Basis, ScheduleKind
from webapp.domain.billing.settings import Cadence
from webapp.domain.billing.spreading import only
from webapp.domain.ledger import Code, Event, Move, Side
from webapp.domain.organizations import Member
from webapp.domain.payments.checkout import Checkout, ReturnAddresses
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method, Payment
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind
from webapp.sandbox.server import start_sandbox
from webapp.web import paying

SECRET_KEY = "sk_test_pichi"
WEBHOOK_SECRET = "whsec_pichi"
ADDRESSES = ReturnAddresses("http://localhost/done/{checkout}", "http://localhost/pay?canceled=1")
TODAY = date(2025, 9, 1)
_numbers = count(1)


@pytest.fixture(scope="session")
def processor_url() -> Iterator[str]:
    sandbox = start_sandbox()
    yield sandbox.url
    sandbox.stop()


@pytest.fixture
def sandbox(processor_url: str, app: Flask, monkeypatch: pytest.MonkeyPatch) -> SandboxControl:
    """A fresh sandbox that the application takes for Stripe. Bank debits wait until the test settles them."""
    control = SandboxControl(processor_url)
    control.no_faults()
    control.reset()
    control.settings(ach_delay=None, refund_delay=None)
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)  # before it asks again
    settings = app.config["SETTINGS"].model_copy(update={"stripe_api_base": processor_url})
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    return control


@pytest.fixture
def shop(organization: Any, sandbox: SandboxControl, client: FlaskClient) -> "Shop":
    """A connected processor, a member, and the ways they meet. Mails wait until a test's own `jobs` run:
    drawing the PDF of each would take longer than all the rest."""
    chapter = factories.make_chapter()
    member = factories.make_member(chapter, factories.make_status())
    workers = JobRunner(OutboxJob.name != Job.DELIVER_MAILS.work.name)
    return Shop(organization, sandbox, client, workers, connect().id, chapter.id, member.id)


def connect(secret_key: str = SECRET_KEY, webhook_secret: str | None = WEBHOOK_SECRET) -> PaymentProcessor:
    with transaction():
        return PaymentProcessor.connect(
            kind=ProcessorKind.STRIPE,
            name="Stripe",
            secret_key=secret_key,
            webhook_secret=webhook_secret,
            keys=wiring.key_ring(),
            by=None,
        )


def make_owed(member: Member, amount: int = 40_000, *, due_on: date = date(2099, 10, 1)) -> Invoice:
    """An issued invoice with its entry in the books."""
    number = next(_numbers)
    currency = db.session.scalar(
        select(factories.Organization.currency).where(factories.Organization.id == factories.here())
    )
    with transaction() as session:
        schedule = AssessmentSchedule(
            id=new_id(),
            name=f"Dues {number}",
            kind=ScheduleKind.REGULAR_DUES,
            basis=Basis.FLAT,
            amount=amount,
        )
        period = BillingPeriod(
            id=new_id(),
            code=f"P{number}",
            name=f"Fall 2026, part {number}",
            cadence=Cadence.CUSTOM,
            starts_on=TODAY,
            ends_on=due_on,
            due_on=due_on,
            grace_ends_on=due_on,
        )
        session.add_all([schedule, period])
        session.flush()
        invoice = Invoice(
            id=new_id(),
            year=2026,
            sequence=number,
            number=f"2026-{number:06d}",
            member_id=member.id,
            chapter_id=member.chapter_id,
            schedule_id=schedule.id,
            period_id=period.id,
            currency=currency,
            billed=amount,
            issued_on=TODAY,
            due_on=due_on,
            grace_ends_on=due_on,
        )
        session.add(invoice)
        session.flush()
        line = InvoiceLine(
            invoice_id=invoice.id,
            kind=LineKind.BASE_DUES,
            description="Dues",
            amount=amount,
            income_account_id=ledger.account_ids()[Code.DUES_INCOME],
        )
        session.add(line)
        owing = Side(Code.RECEIVABLE, member.chapter_id, member.id)
        ledger.post(
            Event.INVOICE_ISSUED,
            source=invoice,
            moves=[Move(amount, owing, Side(Code.DUES_INCOME, member.chapter_id))],
            on=TODAY,
            by=None,
            description="Dues",
        )
    return invoice


@dataclass
class Shop:
    organization: Any
    sandbox: SandboxControl
    client: FlaskClient
    jobs: JobRunner
    processor_id: UUID
    chapter_id: UUID
    member_id: UUID
    delivered: set[str] = field(default_factory=set)

    @property
    def processor(self) -> PaymentProcessor:
        return PaymentProcessor.here().get(self.processor_id)

    @property
    def member(self) -> Member:
        return Member.here().get(self.member_id)

    def owed(self, amount: int = 40_000) -> Invoice:
        return make_owed(self.member, amount)

    def open(self, invoice: Invoice) -> Checkout:
        return paying.open_checkout(invoice.id, ADDRESSES)

    def pay(self, checkout: Checkout, instrument: str = "success") -> Page:
        assert checkout.url is not None
        return self.sandbox.pay(checkout.url, instrument)

    def record(self, invoice: Invoice, amount: int) -> Payment:
        """A check that the treasurer got."""
        with transaction():
            return record_offline(
                self.member,
                amount,
                method=Method.CHECK,
                on=TODAY,
                by=None,
                reference="1024",
                spread=only(invoice),
            )

    def paid(self, invoice: Invoice, instrument: str = "success") -> Payment:
        """The whole way: opened, paid there, told by webhook, reacted to."""
        checkout = self.open(invoice)
        self.pay(checkout, instrument)
        self.hear()
        return fresh(Payment, checkout.payment_id)

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """What the processor has to tell, oldest first."""
        made = list(reversed(self.sandbox.objects("event")))
        return [event for event in made if not kinds or event["type"] in kinds]

    def hear(self, *kinds: str) -> None:
        """Deliver what was not delivered yet, and let the jobs react."""
        for event in self.events(*kinds):
            if event["id"] not in self.delivered:
                self.delivered.add(event["id"])
                assert self.deliver(event) == 200
        self.work()

    def work(self) -> None:
        """Run what is due by now, but no mails; an open transaction would still live in the past."""
        db.session.rollback()
        self.jobs.run_all()

    def work_and_mail(self) -> None:
        """The same, and what was announced is delivered."""
        self.work()
        JobRunner().run_all()

    def work_later(self) -> None:
        """The same, after every pause is over."""
        db.session.rollback()
        self.jobs.skip_pauses()
        self.jobs.run_all()

    def deliver(self, event: dict[str, Any]) -> int:
        return self.deliver_to(self.processor, event, self.client)

    def look_through(self) -> None:
        """What the schedule promises every hour."""
        with transaction():
            later(Job.LOOK_THROUGH_EVENTS)
        self.work()

    def deliver_to(self, processor: PaymentProcessor, event: dict[str, Any], client: FlaskClient) -> int:
        return post_webhook(client, processor, json.dumps(event))

    def latest(self, kind: str) -> dict[str, Any]:
        """The newest object of a kind at the processor."""
        return self.sandbox.objects(kind)[0]

    def refund(self, amount: int) -> None:
        """Somebody refunds the latest charge on the processor's own page."""
        self.refund_charge(self.latest("charge")["id"], amount)

    def refund_charge(self, charge: str, amount: int) -> None:
        gateway = stripe.StripeClient(SECRET_KEY, base_addresses={"api": self.sandbox.url})
        gateway.v1.refunds.create({"charge": charge, "amount": amount})

    def refund_named(self, charge: str, amount: int, name: str) -> None:
        """The same by a program that gives its refunds names of its own."""
        gateway = stripe.StripeClient(SECRET_KEY, base_addresses={"api": self.sandbox.url})
        gateway.v1.refunds.create({"charge": charge, "amount": amount, "metadata": {"refund_id": name}})

    def detach(self, method: str) -> None:
        """Somebody takes a saved method away on the processor's own page."""
        gateway = stripe.StripeClient(SECRET_KEY, base_addresses={"api": self.sandbox.url})
        gateway.v1.payment_methods.detach(method)

    def charge_saved(self, method: str, amount: int, **names: Any) -> None:
        """A charge that our database does not know, because an older one was restored since."""
        gateway = stripe.StripeClient(SECRET_KEY, base_addresses={"api": self.sandbox.url})
        gateway.v1.payment_intents.create(
            {
                "amount": amount,
                "currency": "usd",
                "customer": self.latest("customer")["id"],
                "payment_method": method,
                "metadata": {name: str(value) for name, value in names.items()},
                "off_session": True,
                "confirm": True,
            }
        )

    def void(self, invoice: Invoice) -> None:
        with transaction():
            Invoice.here().get(invoice.id, lock=True).void(by=None, reason="Billed in error", on=TODAY)

    def balance(self, code: Code) -> int:
        """What the chapter has on this account, positive on its usual side."""
        return ledger.chapter_balance(self.chapter_id, code)

    def announced(self) -> list[str]:
        return sorted(row.arguments["what"] for row in self.jobs.named("announce"))


def post_webhook(
    client: FlaskClient,
    processor: PaymentProcessor,
    body: str,
    *,
    secret: str = WEBHOOK_SECRET,
    timestamp: int | None = None,
) -> int:
    signature = stripe.WebhookSignature.generate_signature_header(body, secret, timestamp)
    address = f"/api/finances/webhooks/stripe/{processor.organization_id}/{processor.id}/"
    return client.post(address, data=body, headers={"Stripe-Signature": signature}).status_code


def fresh(kind: Any, row_id: UUID) -> Any:
    """The row as it stands in the database now."""
    found = kind.here().select(kind.id == row_id).execution_options(populate_existing=True)
    return db.session.scalars(found).one()
