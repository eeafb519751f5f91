"""The processor's page on which a member leaves a payment method: our row first, then the page, then what
became of it. Whoever comes first tells us, the member's return or the processor's letter.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from webapp.core import audit, clock
from webapp.core.db import db, new_id
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, later
from webapp.domain.organizations import Member, Organization
from webapp.domain.payments.checkout import LAST_MINUTES, LIFETIME, ReturnAddresses
from webapp.domain.payments.gateway import PaymentGateway
from webapp.domain.payments.on_file import CustomerOrder, HostedSetup, MethodOnFile, SetupOrder, SetupState
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.payments.saved_methods import (
    UNFINISHED,
    MethodState,
    ProcessorCustomer,
    SavedMethod,
    detached,
)


class NotThisMethod(Conflict):
    code = "not-ours"
    message = "What the processor shows does not belong to this payment method."
    next_step = "Compare it with the processor's own page."


@dataclass(frozen=True)
class Question:
    """What to ask the processor for: its customer first, if it has none, then the page."""

    method: SavedMethod
    processor: PaymentProcessor
    customer: ProcessorCustomer
    currency: str

    @property
    def idempotency_key(self) -> str:
        return f"setup-{self.method.id}"

    @property
    def customer_key(self) -> str:
        return f"customer-{self.customer.id}"

    @property
    def customer_order(self) -> CustomerOrder:
        names = {name: self.method.names[name] for name in ("organization_id", "member_id")}
        return CustomerOrder(self.method.asked["name"], self.method.asked["email"], names)

    def order(self, customer_reference: str) -> SetupOrder:
        return SetupOrder(
            customer_reference=customer_reference,
            currency=self.currency,
            success_url=self.method.asked["success_url"],
            cancel_url=self.method.asked["cancel_url"],
            expires_at=self.method.page_expires_at,
            metadata=self.method.names,
        )


def begin(member: Member, *, addresses: ReturnAddresses, now: datetime) -> SavedMethod:
    """The member's one page for adding a method: the one that is open, or one to be opened there."""
    processor = PaymentProcessor.current()
    one_at_a_time = Member.here().select(Member.id == member.id).with_only_columns(Member.id)
    db.session.execute(one_at_a_time.with_for_update())
    mine = SavedMethod.member_id == member.id, SavedMethod.state.in_(UNFINISHED)
    unfinished = SavedMethod.here().first(*mine, lock=True)
    if unfinished is not None:
        if unfinished.processor_id == processor.id and now < unfinished.page_expires_at - LAST_MINUTES:
            return unfinished
        unfinished.give_up()
        db.session.flush()
    return _start(member, processor, addresses, now)


def _start(
    member: Member, processor: PaymentProcessor, addresses: ReturnAddresses, now: datetime
) -> SavedMethod:
    method_id = new_id()
    method = SavedMethod(
        id=method_id,
        member_id=member.id,
        processor_id=processor.id,
        customer_id=_customer(member, processor).id,
        page_expires_at=(now + LIFETIME).replace(microsecond=0),
        asked={
            "name": member.name,
            "email": member.email,
            "success_url": addresses.done.replace("{method}", str(method_id)),
            "cancel_url": addresses.canceled,
        },
    )
    db.session.add(method)
    db.session.flush()
    return method


def _customer(member: Member, processor: PaymentProcessor) -> ProcessorCustomer:
    mine = ProcessorCustomer.member_id == member.id, ProcessorCustomer.processor_id == processor.id
    known = ProcessorCustomer.here().first(*mine)
    if known is not None:
        return known
    customer = ProcessorCustomer(id=new_id(), member_id=member.id, processor_id=processor.id)
    db.session.add(customer)
    db.session.flush()
    return customer


def question(method_id: UUID) -> Question:
    method = SavedMethod.here().get(method_id)
    organization = db.session.get_one(Organization, method.organization_id)
    return Question(
        method=method,
        processor=PaymentProcessor.here().get(method.processor_id),
        customer=ProcessorCustomer.here().get(method.customer_id),
        currency=organization.currency,
    )


@dataclass(frozen=True)
class Answer:
    """The page as it stands now, and whom it is for at the processor."""

    page: HostedSetup
    customer_reference: str | None


def look(gateway: PaymentGateway, question: Question, *, reference: str | None = None) -> Answer:
    """Ask what became of it. A question that was never answered is put again, in the same words."""
    known, customer = question.method.session_reference or reference, question.customer.reference
    if known is not None:
        return Answer(gateway.read_setup(known), customer)
    if customer is None:
        customer = gateway.create_customer(question.customer_order, idempotency_key=question.customer_key)
    order = question.order(customer)
    return Answer(gateway.open_setup(order, idempotency_key=question.idempotency_key), customer)


def _opened(method_id: UUID, page: HostedSetup) -> SavedMethod:
    """The processor made the page; once it has run out, somebody looks what became of it."""
    method = SavedMethod.here().get(method_id, lock=True)
    method.session_reference, method.asked = page.reference, {}
    if method.state is MethodState.OPENING and page.url:
        method.state, method.url = MethodState.LIVE, page.url
        later(
            Job.LOOK_UP_METHOD,
            at=method.page_expires_at + LAST_MINUTES,
            once=f"{method.id}:end",
            method_id=method.id,
        )
    return method


def refused(method_id: UUID) -> None:
    """The processor makes no such page: the next attempt is a new one."""
    method = SavedMethod.here().get(method_id, lock=True)
    if method.state is MethodState.OPENING:
        method.give_up()


def learn(method_id: UUID, answer: Answer) -> SavedMethod:
    """Bring our row up to what was seen. Any number of times, in any order; what was removed stays so."""
    page = answer.page
    if page.metadata.get("saved_method_id") != str(method_id):
        raise NotThisMethod
    method = _opened(method_id, page)
    customer = ProcessorCustomer.here().get(method.customer_id, lock=True)
    customer.reference = customer.reference or answer.customer_reference
    if page.method is not None and method.saved_at is None:
        method.looks(page.method)
        method.state, method.url, method.saved_at = MethodState.SAVED, None, clock.now()
        audit.record("payment method saved", method, by=None, after={"method": method.label})
        if page.method.customer_reference is None:
            detached(method.id)
    elif page.state is SetupState.DONE and method.state in UNFINISHED:
        method.state, method.url = MethodState.CHECKING, None
    elif page.state is SetupState.EXPIRED and method.state in UNFINISHED:
        method.give_up()
    return method


def learn_of_method(method_id: UUID, seen: MethodOnFile) -> SavedMethod:
    """The same for one that was saved: its looks, and whether it can still be charged."""
    method = SavedMethod.here().get(method_id, lock=True)
    if seen.reference != method.reference:
        raise NotThisMethod
    if seen.customer_reference is None:
        detached(method.id)
    else:
        method.looks(seen)
    return method
