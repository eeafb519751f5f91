"""What went back of payments, and what the payers' banks hold: documents against documents and books."""

from typing import Any

from sqlalchemy import BigInteger, Select, case, func, literal, select, tuple_

from webapp.core.db import db
from webapp.core.statements import made_once
from webapp.core.tenancy import HERE
from webapp.domain.ledger import Account, ChapterBalance, Code, Difference
from webapp.domain.organizations import Chapter
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.payment import Payment, PaymentState
from webapp.domain.refunds.refund import UNFINISHED, Refund, RefundState

_NOTHING = literal(0, BigInteger)


def differences() -> list[Difference]:
    return [*_payments(), *_disputed()]


def _payments() -> list[Difference]:
    return [
        Difference(what, f"payment {found}", int(expected), stands)
        for found, went, held, says_went, says_held in db.session.execute(_payments_that_differ())
        for what, expected, stands in (
            ("Returned against refunds and disputes", went, says_went),
            ("Reserved against refunds and disputes", held, says_held),
        )
        if expected != stands
    ]


@made_once
def _payments_that_differ() -> Select[*tuple[Any, ...]]:
    """What refunds and lost disputes took of a payment is what it says went back; likewise what they hold.

    Of a payment that was reversed, all of it went back.
    """
    refunds = select(
        Refund.payment_id.label("payment_id"),
        func.coalesce(func.sum(Refund.amount).filter(Refund.state == RefundState.SUCCEEDED), _NOTHING),
        func.coalesce(func.sum(Refund.amount).filter(Refund.state.in_(UNFINISHED)), _NOTHING),
    ).where(Refund.organization_id == HERE, Refund.payment_id.is_not(None))
    disputes = select(Dispute.payment_id, func.sum(Dispute.taken), func.sum(Dispute.held)).where(
        Dispute.organization_id == HERE
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
    return (
        select(Payment.id, *should, *kept)
        .outerjoin(sums, sums.c.payment_id == Payment.id)
        .where(Payment.organization_id == HERE, tuple_(*kept) != tuple_(*should))
        .order_by(Payment.id)
        .limit(1000)
    )


def _disputed() -> list[Difference]:
    what = f"Withdrawn for disputes against account {Code.DISPUTED_PAYMENTS}"
    found = db.session.execute(_chapters_that_differ())
    return [Difference(what, f"chapter {code}", int(should), int(is_)) for code, should, is_ in found]


@made_once
def _chapters_that_differ() -> Select[str, int, int]:
    """What was withdrawn for disputes and is not lost yet is what the books show with the payers' banks."""
    documents = (
        select(Payment.chapter_id, func.sum(Dispute.withdrawn - Dispute.lost).label("total"))
        .join(
            Dispute, (Dispute.organization_id == Payment.organization_id) & (Dispute.payment_id == Payment.id)
        )
        .where(Payment.organization_id == HERE)
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
            ChapterBalance.organization_id == HERE,
            Account.code == Code.DISPUTED_PAYMENTS,
            balance != 0,
        )
        .subquery()
    )
    expected, found = func.coalesce(documents.c.total, 0), func.coalesce(books.c.total, 0)
    both = documents.join(books, documents.c.chapter_id == books.c.chapter_id, full=True)
    whose = func.coalesce(documents.c.chapter_id, books.c.chapter_id)
    return (
        select(Chapter.code, expected, found)
        .select_from(both.join(Chapter, (Chapter.organization_id == HERE) & (Chapter.id == whose)))
        .where(expected != found)
        .order_by(Chapter.code)
    )
