"""Who hears of a dispute or a returned debit, and when the time to answer is running out."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.orm import joinedload

from webapp.core import clock
from webapp.core.db import db
from webapp.domain.notifications.delivery import MailKind, write_down
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.recipients import invoice_meant, officers, payer_and_officers
from webapp.domain.organizations import Organization
from webapp.domain.payments.disputes import ANSWERABLE, Dispute, DisputeAnswer
from webapp.domain.payments.gateway import DisputeKind
from webapp.domain.payments.payment import Payment

DAYS_LEFT = (7, 3, 1)
"""When officers are reminded that the payer's bank waits for an answer."""

ONLY_OFFICERS = ("inquiry", "due")


def announcing(what: str) -> Callable[..., None]:
    """Writes the mails of this occasion down; `step` tells one reminder from the next."""

    def announce(links: Links, dispute_id: UUID, step: str = "") -> None:
        dispute = loaded(dispute_id)
        payment = dispute.payment
        to_all = payer_and_officers(payment.member, payment.chapter_id)
        for reader, address, member_id in officers(payment.chapter_id) if what in ONLY_OFFICERS else to_all:
            write_down(
                MailKind.DISPUTE,
                address,
                once=f"dispute_{what}:{dispute.id}:{step}:{reader}",
                domain=links.domain,
                member_id=member_id,
                payment_id=payment.id,
                invoice_id=invoice_meant(payment.id),
                details={
                    "dispute_id": str(dispute.id),
                    "what": what,
                    "reader": "member" if member_id else "officer",
                },
            )

    return announce


def loaded(dispute_id: UUID) -> Dispute:
    statement = Dispute.here().select(Dispute.id == dispute_id)
    with_payer = statement.options(joinedload(Dispute.payment).joinedload(Payment.member))
    return db.session.scalars(with_payer).one()


def days_left(dispute: Dispute, organization: Organization, on: date) -> int | None:
    """Whole days until the answer is due, in the organization's calendar; None when none is waited for."""
    if not dispute.is_answerable or dispute.answer_by is None:
        return None
    return (dispute.answer_by.astimezone(clock.zone(organization.timezone)).date() - on).days


def remind(organization: Organization, on: date, links: Links) -> int:
    """Remind officers of what is not answered yet, once per step. After missed nights only the last one."""
    begin = organization.midnight(on)
    waiting = Dispute.in_(organization).all(
        Dispute.state.in_(ANSWERABLE),
        Dispute.kind == DisputeKind.CHARGEBACK,
        Dispute.answer_by.between(begin, begin + timedelta(days=max(DAYS_LEFT) + 1)),
    )
    count = 0
    for dispute in waiting:
        left = days_left(dispute, organization, on)
        steps = [step for step in DAYS_LEFT if left is not None and left <= step]
        if steps and DisputeAnswer.promised_for(dispute) is None:
            announcing("due")(links, dispute.id, step=str(min(steps)))
            count += 1
    return count
