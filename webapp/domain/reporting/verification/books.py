"""The documents and the books check each other: what documents say is what the accounts hold."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from webapp.core import tenancy
from webapp.core.db import Base, OrganizationRow, db, new_id, references_organization
from webapp.core.statements import made_for_each, made_once
from webapp.core.tenancy import HERE
from webapp.domain import ledger
from webapp.domain.billing.adjustments import Adjustment, AdjustmentState, Direction
from webapp.domain.billing.invoice import Invoice, InvoiceLine
from webapp.domain.credits.applying import CreditApplication
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.ledger import Account, Code, Difference, MemberBalance
from webapp.domain.organizations import Member, Organization
from webapp.domain.payments.payment import Allocation, Payment
from webapp.domain.reporting.verification import broken_seals, closed_years, owed_days, returned_sums


class Verification(OrganizationRow, Base):
    """What verifying the books found at a time: how many differences, and the first of them in words; how
    many seals there were, and what was wrong with the first that did not hold."""

    __tablename__ = "verifications"

    differences: Mapped[int]
    first: Mapped[str | None]
    seals: Mapped[int | None]
    broken_seal: Mapped[str | None]
    verified_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (references_organization(),)

    @classmethod
    def latest(cls) -> "Verification | None":
        return db.session.scalars(cls.here().select().order_by(cls.id.desc()).limit(1)).first()


def verify_and_note(organization: Organization) -> Verification:
    """For the night, and after a restore: who asks later is told when, and what was found."""
    found = verify(organization)
    first = found[0].sentence(organization.currency) if found else None
    seals = broken_seals.inspect()
    noted = Verification(
        id=new_id(), differences=len(found), first=first, seals=seals.seals, broken_seal=seals.broken
    )
    db.session.add(noted)
    return noted


def verify(organization: Organization) -> list[Difference]:
    """Everything that must agree: the books with themselves, each member's documents with the books, and the
    documents with each other."""
    with tenancy.acting_for(organization.id):
        return [
            *ledger.verify(organization),
            *_invoices(),
            *(difference for documents in _DOCUMENTS for difference in _documents(documents)),
            *owed_days.differences(),
            *_paid_invoices(),
            *_credited_payments(),
            *returned_sums.differences(),
            *closed_years.differences(),
        ]


def _invoices() -> list[Difference]:
    """Invoices whose sums are not those of their lines and of the adjustments that hold."""
    return [
        Difference(what, f"invoice {number}", int(expected), int(found))
        for number, billed, adjusted, of_lines, of_adjustments in db.session.execute(_invoices_that_differ())
        for what, expected, found in (
            ("Billed against its lines", of_lines, billed),
            ("Adjusted against its adjustments", of_adjustments, adjusted),
        )
        if expected != found
    ]


@made_once
def _invoices_that_differ() -> Select[*tuple[Any, ...]]:
    kept = (Invoice.billed, Invoice.adjusted)
    lines = (
        select(InvoiceLine.invoice_id, func.sum(InvoiceLine.amount).label("billed"))
        .where(InvoiceLine.organization_id == HERE)
        .group_by(InvoiceLine.invoice_id)
        .subquery()
    )
    lowered = (
        select(Adjustment.invoice_id, func.sum(Adjustment.amount).label("adjusted"))
        .where(
            Adjustment.organization_id == HERE,
            Adjustment.state == AdjustmentState.APPROVED,
            Adjustment.direction == Direction.LOWERS,
        )
        .group_by(Adjustment.invoice_id)
        .subquery()
    )
    recomputed = (func.coalesce(lines.c.billed, 0), func.coalesce(lowered.c.adjusted, 0))
    return (
        select(Invoice.number, *kept, *recomputed)
        .outerjoin(lines, lines.c.invoice_id == Invoice.id)
        .outerjoin(lowered, lowered.c.invoice_id == Invoice.id)
        .where(Invoice.organization_id == HERE, tuple_(*kept) != tuple_(*recomputed))
        .order_by(Invoice.number)
        .limit(1000)
    )


def _paid_invoices() -> list[Difference]:
    """What is paid on an invoice is what payments and credit notes settle of it, and what went back since."""
    rows = db.session.execute(_paid_otherwise())
    return [Difference("Paid by what settles it", f"invoice {row[0]}", int(row[1]), row[2]) for row in rows]


@made_once
def _paid_otherwise() -> Select[str, int, int]:
    settled = _live(Allocation).union_all(_live(CreditApplication)).subquery()
    sums = select(settled.c.invoice_id, func.sum(settled.c.amount).label("total")).group_by("invoice_id")
    by_invoice = sums.subquery()
    expected = func.coalesce(by_invoice.c.total, 0) + Invoice.refunded
    return (
        select(Invoice.number, expected, Invoice.paid)
        .outerjoin(by_invoice, by_invoice.c.invoice_id == Invoice.id)
        .where(Invoice.organization_id == HERE, expected != Invoice.paid)
        .order_by(Invoice.number)
        .limit(1000)
    )


def _live(kind: type[Allocation] | type[CreditApplication]) -> Select[UUID, int]:
    return select(kind.invoice_id, kind.amount).where(kind.organization_id == HERE, kind.undone_at.is_(None))


def _credited_payments() -> list[Difference]:
    """What of a payment was credited is in credit notes that are open, or settles invoices from there."""
    rows = db.session.execute(_credited_otherwise())
    return [Difference("Credited by its notes", f"payment {row[0]}", int(row[1]), row[2]) for row in rows]


@made_once
def _credited_otherwise() -> Select[UUID, int, int]:
    its = CreditNote.organization_id == HERE, CreditNote.payment_id.is_not(None)
    remaining = select(CreditNote.payment_id, CreditNote.remaining.label("amount")).where(
        *its, CreditNote.remaining > 0
    )
    applied = (
        select(CreditNote.payment_id, CreditApplication.amount)
        .join(CreditApplication.note)
        .where(*its, CreditApplication.undone_at.is_(None))
    )
    both = remaining.union_all(applied).subquery()
    sums = select(both.c.payment_id, func.sum(both.c.amount).label("total")).group_by("payment_id").subquery()
    expected = func.coalesce(sums.c.total, 0)
    return (
        select(Payment.id, expected, Payment.credited)
        .outerjoin(sums, sums.c.payment_id == Payment.id)
        .where(Payment.organization_id == HERE, expected != Payment.credited)
        .order_by(Payment.id)
        .limit(1000)
    )


class Documents(NamedTuple):
    """Of which each member has as much as the account with this code holds for them."""

    what: str
    kind: type[Invoice] | type[Payment] | type[CreditNote]
    amount: InstrumentedAttribute[int]
    code: Code


_DOCUMENTS = (
    Documents("Owed on invoices", Invoice, Invoice.owed, Code.RECEIVABLE),
    Documents("Received and settled nowhere", Payment, Payment.unapplied, Code.UNAPPLIED_RECEIPTS),
    Documents("Credit notes", CreditNote, CreditNote.remaining, Code.CREDIT_NOTES),
)


def _documents(of: Documents) -> list[Difference]:
    """Members whose documents sum up to something else than their account holds."""
    return [
        Difference(f"{of.what} against account {of.code}", f"member {number}", int(expected), int(found))
        for number, expected, found in db.session.execute(_members_that_differ(of))
    ]


@made_for_each
def _members_that_differ(of: Documents) -> Select[str, int, int]:
    _, kind, amount, code = of
    documents = (
        select(kind.member_id, func.sum(amount).label("total"))
        .where(kind.organization_id == HERE, amount != 0)
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
        .where(MemberBalance.organization_id == HERE, Account.code == code)
        .subquery()
    )
    expected, found = func.coalesce(documents.c.total, 0), func.coalesce(books.c.total, 0)
    both = documents.join(books, documents.c.member_id == books.c.member_id, full=True)
    whose = func.coalesce(documents.c.member_id, books.c.member_id)
    return (
        select(Member.number, expected, found)
        .select_from(both.join(Member, (Member.organization_id == HERE) & (Member.id == whose)))
        .where(expected != found)
        .order_by(Member.number)
        .limit(1000)
    )
