"""A small organization that has one of everything, so that each address of the application leads somewhere.

`World.address` fills an address pattern from `ids`. A new kind of id in an address has to be named here: then
every test that goes through all addresses knows it.
"""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Flask, current_app
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import event
from werkzeug.routing import Map, Rule

from tests import factories
from webapp import wiring
from webapp.core import tenancy
from webapp.core.clock import now
from webapp.core.db import db, new_id, transaction
from webapp.core.jobs import JobState, OutboxJob
from webapp.domain import ledger
from webapp.domain.approvals import ApprovalRequest, delegation
from webapp.domain.billing import adjusting, pay_link
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.billing.spreading import as_named
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkKind, BulkResult, BulkState, Outcome
from webapp.domain.credits import applying
from webapp.domain.credits.credit_note import CreditNote, Origin, open_note
from webapp.domain.ledger import Event, FiscalYear
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.notifications.paper import LetterStack
from webapp.domain.organizations import (
    Chapter,
    Login,
    Member,
    MemberStatus,
    Organization,
    Passkey,
    PledgeClass,
    RoleName,
    drafts,
    invitations,
    logo,
    roles,
    roster_import,
    saved_views,
    sessions,
    tokens,
)
from webapp.domain.organizations.roles import Role
from webapp.domain.organizations.roster_intake import Intake
from webapp.domain.organizations.uploads import Document, MediaType
from webapp.domain.payments import batch_lines, batches, reallocating
from webapp.domain.payments.batch_lines import Typed
from webapp.domain.payments.batches import ReceiptBatch, Slip
from webapp.domain.payments.checkout import Checkout, CheckoutState
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.gateway import DisputeKind, DisputeState
from webapp.domain.payments.inbox import ProcessorEvent
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.on_file import MethodKind
from webapp.domain.payments.payment import Allocation, Method, Payment, PaymentState
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind
from webapp.domain.payments.saved_methods import MethodState, ProcessorCustomer, SavedMethod
from webapp.domain.plans import answering, autopay, proposing
from webapp.domain.plans.plan import PaymentPlan
from webapp.domain.plans.proposing import Wish
from webapp.domain.plans.terms import Terms
from webapp.domain.refunds.refund import Refund, RefundState
from webapp.domain.reporting import snapshots
from webapp.domain.reporting.health import notices as health_notices
from webapp.domain.reporting.standing import letters as standing_letters
from webapp.domain.reporting.standing.letters import StandingLetter
from webapp.domain.reporting.verification import seals

ADMIN, TREASURER, AUDITOR, MEMBER = "national admin", "treasurer", "auditor", "member"
NEIGHBOUR, STRANGER, ANYBODY = "treasurer of another chapter", "stranger", "nobody signed in"
PASSWORD_LINK = "not-a-link-that-was-ever-mailed"
ROSTER = b"""member_number,first_name,last_name,email,status,joined_on
N0001,Ada,Byron,ada@members.example.org,undergraduate,2024-09-01
N0002,,Nameless,nobody,undergraduate,2024-09-01
"""
INSTEAD = {
    "rows_to_correct": {"import_id": "checked_import_id"},
    "correct_refused_rows": {"import_id": "checked_import_id"},
}
"""Pages about a row that is not as far as the others."""
ASKED = {
    "national.search": {"q": "nobody of this name"},
    "own.saved_views": {"address": "list"},
    "national.snapshot_comparison": {"other": "other_id"},
    "treasurers.snapshot_comparison": {"other": "other_id"},
    "national.snapshot_changes": {"other": "other_id"},
    "treasurers.snapshot_changes": {"other": "other_id"},
    "national.preview_billing_run": {"schedule": "schedule_id", "period": "period_id"},
    "national.foreseen_omissions": {"schedule": "schedule_id", "period": "period_id"},
}
"""What an address is asked besides, where it makes no sense without."""
PAGES = ("public", "visitors", "account", "members", "approvals", "own", "treasurers", "national")


@dataclass
class World:
    organization: Organization
    chapter: Chapter
    logins: dict[str, Login]
    ids: dict[str, Any]
    links: dict[str, str] = field(default_factory=dict)
    """Addresses for people without a login carry a link's token, each page its own kind."""

    def address(self, rule: Rule, **other: Any) -> str:
        values = {name: self._value(rule, name) for name in rule.arguments} | other
        query = ASKED.get(rule.endpoint, {})
        asked = urlencode({name: self.ids.get(value, value) for name, value in query.items()})
        return built(rule, values) + (f"?{asked}" if asked else "")

    def _value(self, rule: Rule, name: str) -> Any:
        if name == "token":
            return self.links.get(rule.endpoint, self.links["visitors.pay"])
        name = INSTEAD.get(rule.endpoint.partition(".")[2], {}).get(name, name)
        assert name in self.ids, f"{rule.rule} has <{name}>, which tests/web/world.py does not know yet"
        return self.ids[name]


def built(rule: Rule, values: dict[str, Any]) -> str:
    address = rule.build(values)
    assert address is not None, rule.rule
    return address[1]


def rules(app: Flask, method: str, *blueprints: str) -> list[Rule]:
    """Every address that answers this method; without names, those of all pages."""
    url_map: Map = app.url_map
    return [
        rule
        for rule in url_map.iter_rules()
        if method in (rule.methods or ()) and rule.endpoint.partition(".")[0] in (blueprints or PAGES)
    ]


def make_world(name: str, *, members: int = 2) -> World:
    """Two chapters, a billing run, a payment, a checkout, and somebody of each role."""
    organization = factories.make_organization(name)
    with tenancy.acting_for(organization.id):
        factories.found(organization)
        chapter, other = factories.make_chapter(), factories.make_chapter("BET", "Beta Chapter")
        status = factories.make_status()
        people = [factories.make_member(chapter, status, last_name=f"{name} {i}") for i in range(members)]
        factories.make_member(other, status, last_name=f"{name} elsewhere")
        logins = _people(name, chapter, other, people[0])
        ids = {"org": organization.slug, "organization_id": organization.id, "chapter": chapter.code}
        ids |= {"days": 0, "year": 2024}
        ids |= {"chapter_id": chapter.id, "status_id": status.id, "member_id": people[0].id}
        with transaction():
            ids["pledge_class_id"] = PledgeClass.named(chapter.id, "Fall 2025").id
        invoice = _bill(ids, status, people, logins[ADMIN])
        _take_money(ids, people, invoice)
        ids["method_id"] = make_method(people[0], ids["processor_id"]).id
        plan = make_plan(people[0], logins[TREASURER], logins[MEMBER], organization)
        ids["plan_id"] = plan.id
        _collect_by_autopay(plan, ids["method_id"], logins[MEMBER], organization)
        _odds_and_ends(ids, invoice, chapter, logins)
        _approvals(ids, organization, logins)
        ids["batch_id"] = make_batch(chapter, [(people[0].number, "1.00")], logins[TREASURER]).id
        ids |= make_own_things(ids, organization, logins[ADMIN])
        links = _links(ids, invoice, logins[ADMIN])
        with transaction():
            closed = FiscalYear.beginning(2024, 1)
            ids["closing_id"] = ledger.close_year(closed, by=logins[ADMIN], today=organization.today).id
            seals.seal_next()
            today = organization.today
            for name, day in (("snapshot_id", today), ("other_id", today - timedelta(days=1))):
                ids[name] = snapshots.take(organization, day, by=logins[ADMIN]).id
            health_notices.pass_night(organization, today)
    return World(organization, chapter, logins, ids, links)


def make_method(member: Member, processor_id: UUID, number: int = 1) -> SavedMethod:
    """A card that the member has saved. A method's customer stands beside it."""
    known = ProcessorCustomer.here().first(ProcessorCustomer.member_id == member.id)
    customer = known or ProcessorCustomer(
        id=new_id(), member_id=member.id, processor_id=processor_id, reference="cus_world"
    )
    method = SavedMethod(
        id=new_id(),
        member_id=member.id,
        processor_id=processor_id,
        customer_id=customer.id,
        state=MethodState.SAVED,
        asked={},
        page_expires_at=now(),
        saved_at=now(),
        reference=f"pm_world_{number}",
        kind=MethodKind.CARD,
        brand="Visa",
        last4="4242",
        good_through=date(2099, 12, 31),
    )
    with transaction() as session:
        session.add(customer)
        session.flush()
        session.add(method)
    return method


def _people(name: str, chapter: Chapter, other: Chapter, member: Member) -> dict[str, Login]:
    logins = {
        who: factories.make_login(f"{name} {who}") for who in (ADMIN, TREASURER, NEIGHBOUR, AUDITOR, MEMBER)
    }
    factories.make_role(logins[ADMIN], RoleName.NATIONAL_ADMIN)
    factories.make_role(logins[TREASURER], RoleName.TREASURER, chapter=chapter)
    factories.make_role(logins[NEIGHBOUR], RoleName.TREASURER, chapter=other)
    factories.make_role(logins[AUDITOR], RoleName.AUDITOR)
    factories.make_role(logins[MEMBER], RoleName.MEMBER, member=member)
    return logins


def _bill(ids: dict[str, Any], status: MemberStatus, people: list[Member], admin: Login) -> Invoice:
    period = factories.make_period(
        due_on=date(2099, 7, 31), grace_ends_on=date(2099, 8, 15), ends_on=date(2026, 12, 31)
    )
    rate = factories.make_rate(status, 40_000, by=admin)
    made = factories.bill(period, by=admin)
    invoices = Invoice.here().all(order_by=Invoice.sequence)
    mine = next(invoice for invoice in invoices if invoice.member_id == people[0].id)
    entry = ledger.entry_for(mine.id, Event.INVOICE_ISSUED)
    assert entry is not None
    ids |= {"period_id": period.id, "rate_id": rate.id, "run_id": made.id, "schedule_id": made.schedule_id}
    ids |= {"invoice_id": mine.id, "entry_id": entry.id}
    return mine


def _take_money(ids: dict[str, Any], people: list[Member], invoice: Invoice) -> None:
    """A check in part, and a checkout that nobody has finished."""
    with transaction():
        paid = record_offline(people[0], 5_000, method=Method.CHECK, on=date(2026, 9, 1), by=None)
        processor = PaymentProcessor.connect(
            kind=ProcessorKind.STRIPE,
            name="Stripe",
            secret_key="sk_test_world",
            webhook_secret="whsec_world",
            keys=wiring.key_ring(),
            by=None,
        )
    with transaction() as session:
        started = Payment(
            id=new_id(),
            member_id=people[0].id,
            chapter_id=people[0].chapter_id,
            processor_id=processor.id,
            method=Method.UNKNOWN,
            state=PaymentState.STARTED,
            amount=35_000,
            currency="USD",
        )
        session.add(started)
        session.flush()
        checkout = Checkout(
            id=new_id(),
            invoice_id=invoice.id,
            payment_id=started.id,
            processor_id=processor.id,
            attempt=1,
            amount=35_000,
            state=CheckoutState.CLOSED,
            asked={},
            session_reference=f"cs_{new_id()}",
            expires_at=now(),
        )
        told = make_event(processor.id)
        session.add_all([checkout, told])
    ids |= {"payment_id": paid.id, "processor_id": processor.id, "checkout_id": checkout.id}
    ids |= {"event_id": told.id}


def make_batch(chapter: Chapter, rows: Sequence[tuple[str, str]], by: Login) -> ReceiptBatch:
    """Checks in draft: whose, and how much."""
    slip = Slip(Method.CHECK, date(2026, 9, 1), "D-1", count=len(rows), total=100 * len(rows))
    typed = [Typed(place, who, amount, "") for place, (who, amount) in enumerate(rows, 1)]
    with transaction() as session:
        batch = batches.open_batch(slip, chapter=chapter, by=by)
        batch_lines.write(batch, typed, session.get_one(Organization, batch.organization_id))
    return batch


def make_plan(member: Member, treasurer: Login, own: Login, organization: Organization) -> PaymentPlan:
    """One that is kept, about an invoice of its own."""
    later = {"due_on": date(2099, 7, 31), "grace_ends_on": date(2099, 8, 15)}
    invoice, today = factories.make_invoice(9_000, member=member, **later), organization.today
    terms = Terms(today, 31, installments=3, down_payment=1_000, interest_rate=Decimal("6.5"))
    with transaction():
        Member.here().get(member.id).login_id = own.id
        wish = Wish([invoice.id], terms)
        plan = proposing.propose(member, wish, as_member=False, by=treasurer, on=today)
        answering.accept(plan, as_member=True, by=own, on=today)
    return plan


def _collect_by_autopay(plan: PaymentPlan, method_id: UUID, own: Login, organization: Organization) -> None:
    words = autopay.words(organization, DuesSettings.of(organization).card_retry_days)
    with transaction():
        held = PaymentPlan.here().get(plan.id, lock=True)
        autopay.turn_on(held, method_id, shown=words, organization=organization, by=own)


def make_event(processor_id: UUID) -> ProcessorEvent:
    return ProcessorEvent(
        id=new_id(),
        processor_id=processor_id,
        event_reference=f"evt_{new_id()}",
        kind="charge.updated",
        object_reference="ch_1",
        payload={},
        happened_at=now(),
        found_by="webhook",
    )


def make_mail(invoice: Invoice, recipient: str = "ana@members.example.org") -> Mail:
    made = new_id()
    return Mail(
        id=made,
        kind=MailKind.INVOICE,
        recipient=recipient,
        once=f"invoice:{made}",
        message_id=f"<{made}@example.org>",
        invoice_id=invoice.id,
        member_id=invoice.member_id,
    )


def _settling_nothing(invoice: Invoice) -> Payment:
    """A payment of the same member that stays out of everybody's way."""
    member = Member.here().get(invoice.member_id)
    return record_offline(
        member, 700, method=Method.CASH, on=date(2026, 9, 3), by=None, spread=reallocating.nowhere
    )


def make_dispute(payment: Payment) -> Dispute:
    """The payer's bank asks, and waits for an answer; no money has moved, and refunds stay possible."""
    return Dispute(
        id=new_id(),
        payment_id=payment.id,
        reference=f"du_{new_id()}",
        kind=DisputeKind.CHARGEBACK,
        state=DisputeState.INQUIRY,
        reason="fraudulent",
        amount=1_000,
        answer_by=now() + timedelta(days=5),
        opened_at=now(),
        seen_at=now(),
    )


def make_failed_refund(payment: Payment) -> Refund:
    return Refund(
        id=new_id(),
        payment_id=payment.id,
        member_id=payment.member_id,
        chapter_id=payment.chapter_id,
        amount=1_000,
        state=RefundState.FAILED,
        refunded_on=date(2026, 9, 2),
        failed_at=now(),
    )


def make_approval(invoice_id: UUID, by: Login, amount: int = 6_000) -> ApprovalRequest:
    """A waiver that this treasurer asked for and nobody has decided yet, in the transaction at hand."""
    invoice = Invoice.here().get(invoice_id, lock=True)
    waiver = Change(AdjustmentKind.WAIVER, amount, "Paid at the door.")
    adjustment = adjusting.adjust(invoice, waiver, by=by, on=date(2026, 9, 3))
    request = ApprovalRequest.here().first(ApprovalRequest.subject_id == adjustment.id)
    assert request is not None
    return request


def _approvals(ids: dict[str, Any], organization: Organization, logins: dict[str, Login]) -> None:
    today, admin = organization.today, logins[ADMIN]
    with transaction():
        asked = make_approval(ids["invoice_id"], logins[TREASURER])
        in_place = delegation.delegate(logins[NEIGHBOUR], until=today, by=admin, on=today)
        in_place.revoke(by=admin)
    ids |= {"approval_id": asked.id, "delegation_id": in_place.id}


def make_letters(**cause: UUID) -> LetterStack:
    """What the letters on paper of a run or a mailing are bound from, drawn already."""
    sheet = io.BytesIO()
    Image.new("RGB", (40, 20), "#7a1f2b").save(sheet, "PDF")
    return LetterStack(**cause, position=1, about=[], letters=1, content=sheet.getvalue(), drawn_at=now())


def _odds_and_ends(ids: dict[str, Any], invoice: Invoice, chapter: Chapter, logins: dict[str, Login]) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (40, 20), "#7a1f2b").save(picture, "PNG")
    with transaction() as session:
        organization = session.get_one(Organization, invoice.organization_id)
        organization.logo = logo.reencoded(picture.getvalue())
        file = roster_import.upload("roster.csv", ROSTER, by=logins[TREASURER], chapter=chapter)
        roster_import.start(file, by=logins[TREASURER], unseen=True, now=True)
        assert not Intake(file, organization).go_on()
        checked = roster_import.upload("newcomers.csv", ROSTER, by=logins[TREASURER], chapter=chapter)
        roster_import.check(checked, organization)
        token, _ = tokens.create("Nightly export", RoleName.AUDITOR, by=logins[ADMIN])
        mail = make_mail(invoice)
        job = OutboxJob(id=new_id(), name="confirm_fee", queue="now", state=JobState.DEAD, attempts=20)
        ids["span_id"] = ledger.close_span(date(1990, 1, 1), date(1990, 1, 31), by=logins[ADMIN]).id
        refund = make_failed_refund(Payment.here().get(ids["payment_id"]))
        ids["action_id"] = make_bulk_action(invoice, logins[ADMIN]).id
        dispute = make_dispute(_settling_nothing(invoice))
        letters = make_letters(run_id=ids["run_id"]), make_letters(action_id=ids["action_id"])
        session.add_all([refund, dispute, mail, job, *letters])
    role = Role.here().first(Role.login_id == logins[TREASURER].id)
    assert role is not None
    ids |= {"import_id": file.id, "checked_import_id": checked.id}
    ids |= {"token_id": token.id, "mail_id": mail.id, "job_id": job.id}
    ids |= {"refund_id": refund.id, "dispute_id": dispute.id}
    ids["adjustment_id"] = make_hardship(invoice, logins[MEMBER]).id
    ids |= _credit(invoice, logins[ADMIN], ids["payment_id"])
    ids |= {"role_id": role.id, "session_id": new_id(), "login_id": logins[MEMBER].id}
    ids |= {"passkey_id": make_passkey(logins[ADMIN]).id}
    ids |= {"name": str(new_id()), "number": 1, "code": "not-found"}


def make_bulk_action(invoice: Invoice, admin: Login) -> BulkAction:
    """One reminder that went out, of the one that was chosen."""
    ids = {"id": new_id(), "chapter_id": invoice.chapter_id, "requested_by_id": admin.id}
    over = {"state": BulkState.FINISHED, "confirmed_at": now(), "finished_at": now()}
    action = BulkAction(kind=BulkKind.REMIND, chosen=1, **ids, **over)
    db.session.add(action)
    db.session.flush()
    db.session.add(
        BulkResult(action_id=action.id, invoice_id=invoice.id, outcome=Outcome.DONE, done_at=now())
    )
    return action


def make_hardship(invoice: Invoice, member: Login) -> Adjustment:
    """The member has asked to owe less, with a letter, and nobody has decided yet."""
    letter = Document("letter.pdf", MediaType.PDF, b"%PDF-1.7\n%%EOF")
    with transaction():
        held = Invoice.here().get(invoice.id, lock=True)
        return adjusting.ask_for_hardship(held, 1_000, "I lost my job", document=letter, by=member)


def make_credit(member: Member, by: Login, amount: int = 3_000) -> CreditNote:
    return open_note(
        member.id,
        member.chapter_id,
        amount,
        "USD",
        origin=Origin.GOODWILL,
        against=ledger.Side(ledger.Code.WAIVERS, member.chapter_id),
        on=date(2026, 9, 3),
        by=by,
        description="goodwill",
        reason="The hall was closed",
    )


def _credit(invoice: Invoice, by: Login, payment_id: UUID) -> dict[str, UUID]:
    """A credit note of which a part pays the invoice; the rest is open."""
    with transaction():
        note = make_credit(Member.here().get(invoice.member_id), by)
        part = as_named({invoice.id: 1_000})
        [application] = applying.apply(note.id, part, on=date(2026, 9, 3), by=by)
    rest = CreditNote.here().first(CreditNote.parent_id == note.id)
    allocation = Allocation.here().first(Allocation.payment_id == payment_id)
    assert rest is not None and allocation is not None
    return {"note_id": rest.id, "application_id": application.id, "allocation_id": allocation.id}


def make_own_things(ids: dict[str, Any], organization: Organization, login: Login) -> dict[str, Any]:
    """A view of a list, and what was typed when a session had run out."""
    address = f"/o/{organization.slug}/approvals/"
    with transaction():
        token = sessions.start(login, roles.session_limits(login))
        db.session.flush()
        fields = [("remark", "Which hall was it?")]
        sent_to = f"{address}{ids['approval_id']}/answer"
        draft_id = drafts.keep(token, sent_to, address, fields, keys=wiring.key_ring())
        view = saved_views.save(login, address, "What I asked for", "tab=mine")
        sessions.end(token)
    return {"draft_id": draft_id, "view_id": view.id, "list": address}


def make_passkey(login: Login) -> Passkey:
    """One that no device has."""
    made = Passkey(
        id=new_id(),
        login_id=login.id,
        credential_id=str(new_id()),
        public_key=b"",
        sign_count=0,
        name="My phone",
    )
    with transaction() as session:
        session.add(made)
    return made


def _standing_letter(ids: dict[str, Any], invoice: Invoice, by: Login) -> StandingLetter:
    with transaction() as session:
        member, organization = Member.here().get(invoice.member_id), tenancy.organization_id()
        letter = standing_letters.write(
            member, session.get_one(Organization, organization), by=by, secret=wiring.settings().secret_key
        )
    ids["letter_id"] = letter.id
    return letter


def _links(ids: dict[str, Any], invoice: Invoice, admin: Login) -> dict[str, str]:
    secret = wiring.settings().secret_key
    with transaction():
        invited = invitations.invite(
            f"new-{invoice.id.hex[-6:]}@example.org", RoleName.AUDITOR, by=admin, secret=secret
        )
    ids["invitation_id"] = invited.id
    accepting = invitations.token(invited, secret)
    return {
        "visitors.pay": pay_link.token(invoice, secret),
        "visitors.standing_letter": _standing_letter(ids, invoice, admin).code(secret),
        "visitors.invitation": accepting,
        "visitors.accept_invitation": accepting,
        "public.sign_in_link": PASSWORD_LINK,
        "public.use_sign_in_link": PASSWORD_LINK,
        "public.forgotten_password": PASSWORD_LINK,
        "public.change_forgotten_password": PASSWORD_LINK,
    }


def enter(client: FlaskClient, login: Login | None) -> FlaskClient:
    """This browser, signed in as this person, or as nobody."""
    name = current_app.config["SESSION_COOKIE_NAME"]
    client.delete_cookie(name)
    if login is not None:
        with transaction():
            methods = (sessions.Method.MEMORIZED, sessions.Method.APP_CODE)
            token = sessions.start(login, roles.session_limits(login), methods=methods)
        serializer = current_app.session_interface.get_signing_serializer(current_app)  # type: ignore[attr-defined]
        client.set_cookie(name, serializer.dumps({"token": token}))
    return client


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(re.sub(r"\s+", " ", statement))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
