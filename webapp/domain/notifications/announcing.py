"""Who hears of what: each announcement of the topics below becomes rows of mail, a single time."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from webapp.core import clock, tenancy
from webapp.core.db import db
from webapp.domain.billing.adjustments import Adjustment, AdjustmentState
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications import (
    approval_mails,
    autopay_mails,
    credit_mails,
    dispute_mails,
    invoice_mails,
    plan_mails,
)
from webapp.domain.notifications.delivery import (
    Mail,
    MailKind,
    MailState,
    write_down,
)
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.recipients import invoice_meant, officers, payer_and_officers
from webapp.domain.organizations import Invitation, Role
from webapp.domain.payments.batches import ReceiptLine
from webapp.domain.payments.payment import Payment
from webapp.domain.refunds.refund import Refund


def announce(what: str, links: Links, **ids: UUID) -> None:
    """Write the mails down and promise their delivery, in this transaction."""
    _ANNOUNCEMENTS[what](links, **ids)


def _payment_received(links: Links, payment_id: UUID) -> None:
    _to_payer(MailKind.RECEIPT, payment_id, links)


def _payments_received(links: Links, batch_id: UUID) -> None:
    """To everybody whose payment came with this deposit."""
    came_with = select(ReceiptLine.id).where(
        ReceiptLine.organization_id == tenancy.organization_id(), ReceiptLine.batch_id == batch_id
    )
    for payment in Payment.here().all(Payment.receipt_line_id.in_(came_with), order_by=Payment.id):
        _to_payer(MailKind.RECEIPT, payment.id, links)


def _payment_reversed(links: Links, payment_id: UUID) -> None:
    """Only who had a receipt hears that it is not true."""
    receipt = Mail.here().first(Mail.kind == MailKind.RECEIPT, Mail.payment_id == payment_id)
    if receipt is not None and receipt.state in (MailState.SENT, MailState.SENDING):
        _to_payer(MailKind.PAYMENT_REVERSED, payment_id, links)


def _payment_failed(links: Links, payment_id: UUID) -> None:
    _to_payer(MailKind.PAYMENT_FAILED, payment_id, links)


def _to_payer(kind: MailKind, payment_id: UUID, links: Links) -> None:
    payment = _payment(payment_id)
    write_down(
        kind,
        payment.member.email,
        once=f"{kind.value}:{payment.id}",
        domain=links.domain,
        member_id=payment.member_id,
        payment_id=payment.id,
        invoice_id=invoice_meant(payment_id),
    )


def _paid_twice(links: Links, payment_id: UUID) -> None:
    """Officers hear it here, the member by the credit note's own mail."""
    payment = _payment(payment_id)
    for reader, address, _ in officers(payment.chapter_id):
        write_down(
            MailKind.PAID_TWICE,
            address,
            once=f"paid_twice:{payment.id}:{reader}",
            domain=links.domain,
            payment_id=payment.id,
            invoice_id=invoice_meant(payment.id),
            details={"amount": payment.credited},
        )


def _refund_submitted(links: Links, refund_id: UUID) -> None:
    _to_refunded_member("submitted", links, refund_id)


def _refund_arrived(links: Links, refund_id: UUID) -> None:
    _to_refunded_member("arrived", links, refund_id)


def _to_refunded_member(what: str, links: Links, refund_id: UUID) -> None:
    refund = _refund(refund_id)
    write_down(
        MailKind.REFUND,
        refund.member.email,
        once=f"refund_{what}:{refund.id}",
        domain=links.domain,
        member_id=refund.member_id,
        payment_id=refund.payment_id,
        invoice_id=refund.invoice_id,
        details={"refund_id": str(refund.id), "what": what},
    )


def _refund_failed(links: Links, refund_id: UUID) -> None:
    refund = _refund(refund_id)
    for reader, address, member_id in payer_and_officers(refund.member, refund.chapter_id):
        write_down(
            MailKind.REFUND_FAILED,
            address,
            once=f"refund_failed:{refund.id}:{reader}",
            domain=links.domain,
            member_id=member_id,
            payment_id=refund.payment_id,
            invoice_id=refund.invoice_id,
            details={"refund_id": str(refund.id), "what": "failed" if member_id else "failed_for_officers"},
        )


def _adjustment_decided(links: Links, adjustment_id: UUID) -> None:
    """The member hears of what changed, and of a no to what the member asked for."""
    adjustment = Adjustment.here().get(adjustment_id)
    if adjustment.state is AdjustmentState.DENIED and not adjustment.by_member:
        return
    statement = Invoice.here().select(Invoice.id == adjustment.invoice_id)
    invoice = db.session.scalars(statement.options(joinedload(Invoice.member))).one()
    write_down(
        MailKind.ADJUSTMENT,
        invoice.member.email,
        once=f"adjustment_decided:{adjustment.id}",
        domain=links.domain,
        member_id=invoice.member_id,
        invoice_id=invoice.id,
        details={"adjustment_id": str(adjustment.id)},
    )


def _new_pay_link(links: Links, invoice_id: UUID) -> None:
    """To the address on file, whoever asked; asking again within a minute brings no second mail."""
    statement = Invoice.here().select(Invoice.id == invoice_id).options(joinedload(Invoice.member))
    invoice = db.session.scalars(statement).one()
    write_down(
        MailKind.NEW_LINK,
        invoice.member.email,
        once=f"new_link:{invoice.id}:{invoice.pay_link_version}:{_this_minute()}",
        domain=links.domain,
        member_id=invoice.member_id,
        invoice_id=invoice.id,
    )


def _invitation(links: Links, invitation_id: UUID) -> None:
    invited = Invitation.here().get(invitation_id)
    write_down(
        MailKind.INVITATION,
        invited.email,
        once=f"invitation:{invited.id}:{invited.expires_at.isoformat()}",
        domain=links.domain,
        details={"invitation_id": str(invited.id)},
    )


def _password_reset(links: Links, login_id: UUID) -> None:
    _to_login(MailKind.FORGOTTEN, "password_reset", links, login_id)


def _sign_in_link(links: Links, login_id: UUID, about_id: UUID) -> None:
    _to_login(MailKind.SIGN_IN_LINK, "sign_in_link", links, login_id, link_id=str(about_id))


def _new_browser(links: Links, login_id: UUID) -> None:
    _to_login(MailKind.SECURITY, "new_browser", links, login_id)


def _second_factor_changed(links: Links, login_id: UUID) -> None:
    _to_login(MailKind.SECURITY, "second_factor_changed", links, login_id)


def _second_factor_reset(links: Links, login_id: UUID) -> None:
    _to_login(MailKind.SECURITY, "second_factor_reset", links, login_id)


def _to_login(kind: MailKind, what: str, links: Links, login_id: UUID, **facts: str) -> None:
    """To somebody with a role here; nobody else is written to. Once a minute at most."""
    role = Role.here().select(Role.login_id == login_id).options(joinedload(Role.login)).limit(1)
    found = db.session.scalars(role).first()
    if found is not None:
        write_down(
            kind,
            found.login.email,
            once=f"{what}:{login_id}:{_this_minute()}",
            domain=links.domain,
            details={"login_id": str(login_id), "what": what} | facts,
        )


_ANNOUNCEMENTS: dict[str, Callable[..., None]] = {
    "invoices_issued": invoice_mails.invoices_issued,
    "run_undone": invoice_mails.run_undone,
    "payment_received": _payment_received,
    "payments_received": _payments_received,
    "payment_reversed": _payment_reversed,
    "payment_failed": _payment_failed,
    "paid_twice": _paid_twice,
    "credit_note_opened": credit_mails.announcing("opened"),
    "credit_note_withdrawn": credit_mails.announcing("withdrawn"),
    "refund_submitted": _refund_submitted,
    "refund_arrived": _refund_arrived,
    "refund_failed": _refund_failed,
    "adjustment_decided": _adjustment_decided,
    "late_fees_charged": invoice_mails.late_fees_charged,
    "dispute_inquiry": dispute_mails.announcing("inquiry"),
    "dispute_opened": dispute_mails.announcing("opened"),
    "dispute_lost": dispute_mails.announcing("lost"),
    "dispute_won": dispute_mails.announcing("won"),
    **{f"plan_{what}": plan_mails.announcing(what) for what in plan_mails.ABOUT},
    "autopay_on": autopay_mails.turned_on,
    "autopay_failed": autopay_mails.failed,
    "new_pay_link": _new_pay_link,
    "invitation": _invitation,
    "approval_waiting": approval_mails.tell_deciders,
    "approval_news": approval_mails.tell_requester,
    "password_reset": _password_reset,
    "sign_in_link": _sign_in_link,
    "new_browser": _new_browser,
    "second_factor_changed": _second_factor_changed,
    "second_factor_reset": _second_factor_reset,
}


def _payment(payment_id: UUID) -> Payment:
    statement = Payment.here().select(Payment.id == payment_id).options(joinedload(Payment.member))
    return db.session.scalars(statement).one()


def _refund(refund_id: UUID) -> Refund:
    statement = Refund.here().select(Refund.id == refund_id).options(joinedload(Refund.member))
    return db.session.scalars(statement).one()


def _this_minute() -> str:
    return f"{clock.now():%Y-%m-%dT%H:%M}"
