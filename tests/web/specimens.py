"""One document of each kind, as far along as a page or a program has to find it."""

import io
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from PIL import Image

from tests import factories
from webapp import wiring
from webapp.core.clock import now
from webapp.core.db import db, new_id, transaction
from webapp.domain import ledger
from webapp.domain.approvals import ApprovalRequest
from webapp.domain.billing import adjusting
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind
from webapp.domain.billing.invoice import Invoice
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkKind, BulkResult, BulkState, Outcome
from webapp.domain.credits.credit_note import CreditNote, Origin, open_note
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.notifications.paper import LetterStack
from webapp.domain.organizations import (
    Chapter,
    Login,
    Member,
    Organization,
    Passkey,
    drafts,
    roles,
    saved_views,
    sessions,
)
from webapp.domain.organizations.uploads import Document, MediaType
from webapp.domain.payments import batch_lines, batches
from webapp.domain.payments.batch_lines import Typed
from webapp.domain.payments.batches import ReceiptBatch, Slip
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.gateway import DisputeKind, DisputeState
from webapp.domain.payments.inbox import ProcessorEvent
from webapp.domain.payments.on_file import MethodKind
from webapp.domain.payments.payment import Method, Payment
from webapp.domain.payments.saved_methods import MethodState, ProcessorCustomer, SavedMethod
from webapp.domain.plans import answering, proposing
from webapp.domain.plans.plan import PaymentPlan
from webapp.domain.plans.proposing import Wish
from webapp.domain.plans.terms import Terms
from webapp.domain.refunds.refund import Refund, RefundState


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


def make_letters(**cause: UUID) -> LetterStack:
    """What the letters on paper of a run or a mailing are bound from, drawn already."""
    sheet = io.BytesIO()
    Image.new("RGB", (40, 20), "#7a1f2b").save(sheet, "PDF")
    return LetterStack(**cause, position=1, about=[], letters=1, content=sheet.getvalue(), drawn_at=now())


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
