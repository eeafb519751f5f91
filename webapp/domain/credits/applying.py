"""Credit notes settle invoices, and may be taken off again. Undone rows stay, with when and who."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit
from webapp.core.db import Base, OrganizationRow, belongs_to, db, new_id, references
from webapp.core.errors import Invalid
from webapp.core.jobs import Job, later
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import Spread, lock_open_invoices, refuse_change
from webapp.domain.credits.credit_note import CreditNote, Origin
from webapp.domain.ledger import Code, Event, Move, Side, entry_for, post, reverse
from webapp.domain.organizations import Login


class CreditApplication(OrganizationRow, Base):
    """The part of a credit note that settles a part of an invoice, from `applied_on` to `undone_on`."""

    __tablename__ = "credit_applications"

    credit_note_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    amount: Mapped[int]
    applied_at: Mapped[datetime] = mapped_column(server_default=func.now())
    applied_on: Mapped[date | None]
    applied_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    undone_at: Mapped[datetime | None]
    undone_on: Mapped[date | None]
    undone_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))

    note: Mapped[CreditNote] = belongs_to("CreditApplication.credit_note_id", "CreditNote")
    invoice: Mapped[Invoice] = belongs_to("CreditApplication.invoice_id", "Invoice")

    __table_args__ = (
        references("credit_notes", "credit_note_id"),
        references("invoices", "invoice_id"),
        CheckConstraint("amount > 0", "amount_is_positive"),
        Index("ix_credit_applications_note", "organization_id", "credit_note_id"),
        Index("ix_credit_applications_invoice", "organization_id", "invoice_id"),
    )


def apply(
    note_id: UUID, spread: Spread, *, seen: str | None = None, on: date, by: Login | None
) -> list[CreditApplication]:
    """Settle what the member owes with this note, as `spread` says; what it does not need is a new note.

    `seen` is the summary of the preview that somebody confirmed.
    """
    owed = lock_open_invoices(CreditNote.here().get(note_id).member_id)
    note = CreditNote.here().get(note_id, lock=True)
    note.refuse_unless_open()
    parts = spread(note.amount, owed)
    refuse_change(parts, note.amount, seen)
    if not parts:
        raise Invalid("There is nothing that this credit note could settle.")
    note.use(sum(part for _, part in parts), on=on, by=by)
    return [_settle(note, invoice, part, on=on, by=by) for invoice, part in parts]


def undo(
    application: CreditApplication,
    invoice: Invoice,
    amount: int | None = None,
    *,
    origin: Origin = Origin.UNDONE,
    on: date,
    by: Login | None,
) -> CreditNote:
    """Take all of it or a part off the invoice, and keep that as a new note. The caller holds both rows."""
    assert application.undone_at is None, "What is undone is not undone again"
    taken = application.amount if amount is None else amount
    left = application.amount - taken
    note = CreditNote.here().get(application.credit_note_id, lock=True)
    entry = entry_for(application.id, Event.CREDIT_NOTE_APPLIED)
    assert entry is not None, "A credit note is applied together with its entry"
    application.undone_at, application.undone_on = func.now(), on
    application.undone_by_id = by.id if by else None
    invoice.release(application.amount, on=on)
    told = f"Credit note {note.number} taken off invoice {invoice.number}"
    reverse(entry, source=application, on=on, by=by, description=told)
    audit.record("taken off", note, by=by, before={"invoice": invoice.number, "amount": application.amount})
    child = note.pass_on(taken, origin, on=on, by=by)
    if left:
        _settle(note, invoice, left, on=on, by=by)
    return child


def live_on(invoice: Invoice) -> Sequence[CreditApplication]:
    """What of credit notes settles this invoice now, latest first."""
    return _live(CreditApplication.invoice_id == invoice.id)


def live_from(payment_id: UUID) -> Sequence[CreditApplication]:
    """What of this payment settles invoices now by way of credit notes, latest first."""
    return _live(CreditNote.payment_id == payment_id)


def _live(condition: ColumnElement[bool]) -> Sequence[CreditApplication]:
    statement = (
        CreditApplication.here()
        .select(CreditApplication.undone_at.is_(None), condition)
        .join(CreditApplication.note)
        .order_by(CreditApplication.id.desc())
    )
    return db.session.scalars(statement).all()


def _settle(
    note: CreditNote, invoice: Invoice, amount: int, *, on: date, by: Login | None
) -> CreditApplication:
    application = CreditApplication(
        id=new_id(),
        credit_note_id=note.id,
        invoice_id=invoice.id,
        amount=amount,
        applied_on=on,
        applied_by_id=by.id if by else None,
    )
    db.session.add(application)
    invoice.receive(amount, on=on)
    later(Job.CLOSE_CHECKOUT, once=f"credit:{application.id}", invoice_id=invoice.id)
    post(
        Event.CREDIT_NOTE_APPLIED,
        source=application,
        moves=[Move(amount, note.account, Side(Code.RECEIVABLE, invoice.chapter_id, invoice.member_id))],
        on=on,
        by=by,
        description=f"Credit note {note.number} applied to invoice {invoice.number}",
    )
    audit.record("applied to", note, by=by, after={"invoice": invoice.number, "amount": amount})
    return application
