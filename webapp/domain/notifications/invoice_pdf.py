"""An invoice as a letter: what stands on it, and the drawings that are kept by what stands on them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ColumnElement, Index, LargeBinary, Select, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, joinedload, mapped_column, selectinload

from webapp.core import tenancy
from webapp.core.db import Base, OrganizationRow, db, new_id, references
from webapp.domain.billing import explaining
from webapp.domain.billing.invoice import Invoice, InvoiceLine
from webapp.domain.notifications.letter import Letter, address_lines, letterhead, shortened
from webapp.domain.notifications.links import Links
from webapp.domain.organizations import Organization

MOST_LINES = 200
_MOST_ADVICE = 1500


class InvoicePdf(OrganizationRow, Base):
    """`content_hash` covers everything the page shows; another hash is another drawing."""

    __tablename__ = "invoice_pdfs"

    invoice_id: Mapped[UUID]
    content_hash: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    rendered_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references("invoices", "invoice_id"),
        Index("uq_invoice_pdfs_content", "organization_id", "invoice_id", "content_hash", unique=True),
    )


class Mark(StrEnum):
    """The stamp across a letter that asks for no money any more."""

    PAID = "paid"
    SETTLED = "settled"
    VOID = "void"


@dataclass(frozen=True)
class LetterLine:
    description: str
    amount: int
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class InvoiceLetter(Letter):
    """Amounts are minor units of `currency`.

    `billed` − `adjusted` − `paid` = `owed`, but for a void invoice, which owes nothing.
    """

    kind: ClassVar[str] = "invoice"
    template: ClassVar[str] = "pdf/invoice.html"
    design: ClassVar[int] = 2

    invoice_id: UUID
    period: str
    due_on: date
    lines: tuple[LetterLine, ...]
    billed: int
    adjusted: int
    paid: int
    owed: int
    processing: bool
    mark: Mark | None
    how_to_pay: tuple[str, ...]
    pay_url: str

    @property
    def address_in_code(self) -> str | None:
        """As long as there is something to pay."""
        return None if self.mark else self.pay_url


def letter_of(
    invoice: Invoice, organization: Organization, links: Links, *, test_mode: bool = False
) -> InvoiceLetter:
    """The letter as of now. The invoice comes with its member, chapter, period, lines and their reasons."""
    words, billed_to = organization.vocabulary, invoice.bill_to
    return InvoiceLetter(
        **letterhead(organization, test_mode=test_mode),
        invoice_id=invoice.id,
        number=invoice.number,
        period=invoice.period.name,
        recipient=_recipient(invoice),
        particulars=(
            (f"{words.member} no.", shortened(billed_to.get("member_number") or invoice.member.number)),
            (words.chapter, shortened(billed_to.get("chapter") or invoice.chapter.name)),
        ),
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        lines=letter_lines(invoice),
        billed=invoice.billed,
        adjusted=invoice.adjusted,
        paid=invoice.paid,
        owed=invoice.owed,
        processing=invoice.processing,
        mark=_mark(invoice),
        how_to_pay=tuple(organization.how_to_pay[:_MOST_ADVICE].splitlines()),
        pay_url=links.pay(organization, invoice),
    )


def printable(*conditions: ColumnElement[bool]) -> Select[Invoice]:
    """Invoices with all that a letter shows."""
    return (
        Invoice.here()
        .select(*conditions)
        .options(
            joinedload(Invoice.member),
            joinedload(Invoice.chapter),
            joinedload(Invoice.period),
            selectinload(Invoice.lines).joinedload(InvoiceLine.reason),
        )
    )


def kept(letter: InvoiceLetter) -> bytes | None:
    """The drawing of exactly this letter, if it was made before."""
    found = InvoicePdf.here().first(
        InvoicePdf.invoice_id == letter.invoice_id, InvoicePdf.content_hash == letter.content_hash
    )
    return found.content if found else None


def keep(letter: InvoiceLetter, content: bytes) -> None:
    """Keep the newest drawing of the invoice; the facts of the older ones are gone from its page as well."""
    row = {
        "organization_id": tenancy.organization_id(),
        "id": new_id(),
        "invoice_id": letter.invoice_id,
        "content_hash": letter.content_hash,
        "content": content,
    }
    db.session.execute(
        delete(InvoicePdf).where(
            InvoicePdf.organization_id == tenancy.organization_id(),
            InvoicePdf.invoice_id == letter.invoice_id,
            InvoicePdf.content_hash != letter.content_hash,
        )
    )
    db.session.execute(insert(InvoicePdf).values(row).on_conflict_do_nothing())


def _mark(invoice: Invoice) -> Mark | None:
    if invoice.is_void:
        return Mark.VOID
    if invoice.owed:
        return None
    return Mark.PAID if invoice.paid else Mark.SETTLED


def _recipient(invoice: Invoice) -> tuple[str, ...]:
    name = shortened(invoice.bill_to.get("name") or invoice.member.name)
    return (name, *address_lines(invoice.bill_to.get("address") or invoice.member.address))


def letter_lines(invoice: Invoice) -> tuple[LetterLine, ...]:
    """Every line, but a letter stays a letter: what goes beyond a few pages is one sum."""
    shown = [_line(line) for line in invoice.lines[:MOST_LINES]]
    rest = invoice.lines[MOST_LINES:]
    if rest:
        sentence = f"{len(rest)} more lines, shown on the invoice's page"
        shown.append(LetterLine(sentence, sum(line.amount for line in rest)))
    return tuple(shown)


def _line(line: InvoiceLine) -> LetterLine:
    reasons = explaining.why(line)
    return LetterLine(shortened(line.description), line.amount, shortened(reasons[0]) if reasons else None)
