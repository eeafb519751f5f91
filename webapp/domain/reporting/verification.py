"""The documents and the books check each other: what invoices and payments say is what the accounts hold."""

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from webapp.core.db import db
from webapp.domain import ledger
from webapp.domain.billing.invoice import Invoice
from webapp.domain.ledger import Account, Code, Difference, MemberBalance
from webapp.domain.organizations import Member, Organization
from webapp.domain.payments.payment import Payment


def verify(organization: Organization) -> list[Difference]:
    """Everything that must agree: the books with themselves, then each member's documents with the books."""
    return [
        *ledger.verify(organization),
        *_documents(organization, "Owed on invoices", Invoice, Invoice.owed, Code.RECEIVABLE),
        *_documents(
            organization, "Received and settled nowhere", Payment, Payment.unapplied, Code.UNAPPLIED_RECEIPTS
        ),
    ]


def _documents(
    organization: Organization,
    what: str,
    kind: type[Invoice] | type[Payment],
    amount: InstrumentedAttribute[int],
    code: Code,
) -> list[Difference]:
    """Members whose documents sum up to something else than their account holds."""
    documents = (
        select(kind.member_id, func.sum(amount).label("total"))
        .where(kind.organization_id == organization.id, amount != 0)
        .group_by(kind.member_id)
        .subquery()
    )
    net = MemberBalance.debits - MemberBalance.credits
    held = net if code.kind.grows_on_debit else -net
    books = (
        select(MemberBalance.member_id, held.label("total"))
        .join(
            Account,
            (Account.organization_id == MemberBalance.organization_id)
            & (Account.id == MemberBalance.account_id),
        )
        .where(MemberBalance.organization_id == organization.id, Account.code == code)
        .subquery()
    )
    expected, found = func.coalesce(documents.c.total, 0), func.coalesce(books.c.total, 0)
    both = documents.join(books, documents.c.member_id == books.c.member_id, full=True)
    whose = func.coalesce(documents.c.member_id, books.c.member_id)
    rows = db.session.execute(
        select(Member.number, expected, found)
        .select_from(both.join(Member, (Member.organization_id == organization.id) & (Member.id == whose)))
        .where(expected != found)
        .order_by(Member.number)
        .limit(1000)
    )
    return [
        Difference(f"{what} against account {code}", f"member {number}", int(expected), int(found))
        for number, expected, found in rows
    ]
