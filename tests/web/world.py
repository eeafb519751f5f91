"""A small organization that has one of everything, so that each address of the application leads somewhere.

`World.address` fills an address pattern from `ids`. A new kind of id in an address has to be named here: then
every test that goes through all addresses knows it.
"""

import io
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Flask, current_app
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.routing import Map, Rule

from tests import factories
from tests.web.specimens import (
    make_approval,
    make_batch,
    make_bulk_action,
    make_credit,
    make_dispute,
    make_event,
    make_failed_refund,
    make_hardship,
    make_letters,
    make_mail,
    make_method,
    make_own_things,
    make_passkey,
    make_plan,
)
from webapp import wiring
from webapp.core import tenancy
from webapp.core.clock import now
from webapp.core.db import new_id, transaction
from webapp.core.jobs import JobState, OutboxJob
from webapp.domain import ledger
from webapp.domain.approvals import delegation
from webapp.domain.billing import pay_link
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.billing.spreading import as_named
from webapp.domain.credits import applying
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.ledger import Event, FiscalYear
from webapp.domain.organizations import (
    Chapter,
    Login,
    Member,
    MemberStatus,
    Organization,
    PledgeClass,
    RoleName,
    invitations,
    logo,
    roles,
    roster_import,
    sessions,
    tokens,
)
from webapp.domain.organizations.roles import Role
from webapp.domain.organizations.roster_intake import Intake
from webapp.domain.payments import reallocating
from webapp.domain.payments.checkout import Checkout, CheckoutState
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Allocation, Method, Payment, PaymentState
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind
from webapp.domain.plans import autopay
from webapp.domain.plans.plan import PaymentPlan
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


def _collect_by_autopay(plan: PaymentPlan, method_id: UUID, own: Login, organization: Organization) -> None:
    words = autopay.words(organization, DuesSettings.of(organization).card_retry_days)
    with transaction():
        held = PaymentPlan.here().get(plan.id, lock=True)
        autopay.turn_on(held, method_id, shown=words, organization=organization, by=own)


def _settling_nothing(invoice: Invoice) -> Payment:
    """A payment of the same member that stays out of everybody's way."""
    member = Member.here().get(invoice.member_id)
    return record_offline(
        member, 700, method=Method.CASH, on=date(2026, 9, 3), by=None, spread=reallocating.nowhere
    )


def _approvals(ids: dict[str, Any], organization: Organization, logins: dict[str, Login]) -> None:
    today, admin = organization.today, logins[ADMIN]
    with transaction():
        asked = make_approval(ids["invoice_id"], logins[TREASURER])
        in_place = delegation.delegate(logins[NEIGHBOUR], until=today, by=admin, on=today)
        in_place.revoke(by=admin)
    ids |= {"approval_id": asked.id, "delegation_id": in_place.id}


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
