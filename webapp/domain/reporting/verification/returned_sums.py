"""What went back of payments, and what the payers' banks hold: documents against documents and books."""

from sqlalchemy import BigInteger, case, func, literal, select, tuple_

from webapp.core.db import db
from webapp.domain.ledger import Account, ChapterBalance, Code, Difference
from webapp.domain.organizations import Chapter, Organization
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.domain.refunds.refund import UNFINISHED, Refund, RefundState

_NOTHING = literal(0, BigInteger)


def differences(organization: Organization) -> list[Difference]:
    return [*_payments(organization), *_disputed(organization)]


def _payments(organization: Organization) -> list[Difference]:
    """What refunds and lost disputes took of a payment is what it says went back; likewise what they hold.

    Of a payment that was reversed, all of it went back.
    """
    refunds = select(
        Refund.payment_id.label("payment_id"),
        func.coalesce(func.sum(Refund.amount).filter(Refund.state == RefundState.SUCCEEDED), _NOTHING),
        func.coalesce(func.sum(Refund.amount).filter(Refund.state.in_(UNFINISHED)), _NOTHING),
    ).where(Refund.organization_id == organization.id, Refund.payment_id.is_not(None))
    disputes = select(Dispute.payment_id, func.sum(Dispute.taken), func.sum(Dispute.held)).where(
        Dispute.organization_id == organization.id
    )
    both = refunds.group_by(Refund.payment_id).union_all(disputes.group_by(Dispute.payment_id)).subquery()
    payment_id, returned, reserved = both.c
    sums = (
        select(payment_id, func.sum(returned).label("returned"), func.sum(reserved).label("reserved"))
        .group_by(payment_id)
        .subquery()
    )
    is_reversed = Payment.state == PaymentState.REVERSED
    went_back = case((is_reversed, Payment.amount), else_=func.coalesce(sums.c.returned, 0))
    should = (went_back, func.coalesce(sums.c.reserved, 0))
    kept = (Payment.returned, Payment.reserved)
    rows = db.session.execute(
        select(Payment.id, *should, *kept)
        .outerjoin(sums, sums.c.payment_id == Payment.id)
        .where(Payment.organization_id == organization.id, tuple_(*kept) != tuple_(*should))
        .order_by(Payment.id)
        .limit(1000)
    )
    return [
        Difference(what, f"payment {found}", int(expected), stands)
        for found, went, held, says_went, says_held in rows
        for what, expected, stands in (
            ("Returned against refunds and disputes", went, says_went),
            ("Reserved against refunds and disputes", held, says_held),
        )
        if expected != stands
    ]


def _disputed(organization: Organization) -> list[Difference]:
    """What was withdrawn for disputes and is not lost yet is what the books show with the payers' banks."""
    documents = (
        select(Payment.chapter_id, func.sum(Dispute.withdrawn - Dispute.lost).label("total"))
        .join(
            Dispute, (Dispute.organization_id == Payment.organization_id) & (Dispute.payment_id == Payment.id)
        )
        .where(Payment.organization_id == organization.id)
        .group_by(Payment.chapter_id)
        .subquery()
    )
    balance = ChapterBalance.debits - ChapterBalance.credits
    books = (
        select(ChapterBalance.chapter_id, balance.label("total"))
        .join(
            Account,
            (Account.organization_id == ChapterBalance.organization_id)
            & (Account.id == ChapterBalance.account_id),
        )
        .where(
            ChapterBalance.organization_id == organization.id,
            Account.code == Code.DISPUTED_PAYMENTS,
            balance != 0,
        )
        .subquery()
    )
    expected, found = func.coalesce(documents.c.total, 0), func.coalesce(books.c.total, 0)
    both = documents.join(books, documents.c.chapter_id == books.c.chapter_id, full=True)
    whose = func.coalesce(documents.c.chapter_id, books.c.chapter_id)
    rows = db.session.execute(
        select(Chapter.code, expected, found)
        .select_from(both.join(Chapter, (Chapter.organization_id == organization.id) & (Chapter.id == whose)))
        .where(expected != found)
        .order_by(Chapter.code)
    )
    what = f"Withdrawn for disputes against account {Code.DISPUTED_PAYMENTS}"
    return [Difference(what, f"chapter {code}", int(should), int(is_)) for code, should, is_ in rows]
