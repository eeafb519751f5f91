"""An invoice as a letter: what stands on it, and the drawings that are kept by what stands on them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Index, LargeBinary, Select, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, joinedload, mapped_column, selectinload

from webapp.core import tenancy
from webapp.core.db import Base, OrganizationRow, db, new_id, references
from webapp.domain.billing import explaining
from webapp.domain.billing.invoice import Invoice, InvoiceLine
from webapp.domain.notifications.links import Links
from webapp.domain.organizations import Organization

DESIGN = 2
MOST_LINES = 200
_MOST_TEXT = 300
_MOST_ADDRESS_LINES = 7
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


@dataclass(frozen=True)
class InvoiceLetter:
    """All that the page shows, as plain facts. Amounts are minor units of `currency`.

    `billed` − `adjusted` − `paid` = `owed`, but for a void invoice, which owes nothing.
    `specimen` marks a letter that asks nobody for real money.
    """

    template: ClassVar[str] = "pdf/invoice.html"

    invoice_id: UUID
    number: str
    period: str
    language: str
    locale: str
    paper: str
    currency: str
    organization: str
    organization_address: tuple[str, ...]
    reply_to: str | None
    logo: bytes | None
    recipient: tuple[str, ...]
    particulars: tuple[tuple[str, str], ...]
    issued_on: date
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
    specimen: bool

    @property
    def address_in_code(self) -> str | None:
        """Where the code on it leads, as long as there is something to pay."""
        return None if self.mark else self.pay_url

    @property
    def content_hash(self) -> str:
        return hash_of(DESIGN, self)

    @property
    def file_name(self) -> str:
        return f"invoice-{self.number}.pdf"


class Letter(Protocol):
    """What every letter has beside what its template shows."""

    template: ClassVar[str]

    @property
    def language(self) -> str: ...
    @property
    def locale(self) -> str: ...
    @property
    def paper(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def organization(self) -> str: ...
    @property
    def logo(self) -> bytes | None: ...
    @property
    def specimen(self) -> bool: ...
    @property
    def address_in_code(self) -> str | None: ...
    @property
    def content_hash(self) -> str: ...
    @property
    def file_name(self) -> str: ...


class Printer(Protocol):
    """Draws letters. Knows nothing but what stands on them."""

    def draw(self, letter: Letter) -> bytes: ...

    def draw_together(self, letters: Sequence[Letter]) -> bytes: ...

    def draw_sheet(self, name: str, facts: Mapping[str, Any]) -> bytes:
        """Any other paper: the template `pdf/name.html` with these facts and those of `sheet_of`."""
        ...


def sheet_of(organization: Organization, *, test_mode: bool = False) -> dict[str, Any]:
    """What every sheet of paper says of whose it is."""
    return {
        "language": "en",
        "locale": organization.locale,
        "currency": organization.currency,
        "paper": organization.paper_size.value.lower(),
        "organization_name": organization.name,
        "organization_address": address_lines(organization.address),
        "test_mode": organization.is_demo or test_mode,
    }


def letter_of(
    invoice: Invoice, organization: Organization, links: Links, *, test_mode: bool = False
) -> InvoiceLetter:
    """The letter as of now. The invoice comes with its member, chapter, period, lines and their reasons."""
    words, billed_to = organization.vocabulary, invoice.bill_to
    return InvoiceLetter(
        invoice_id=invoice.id,
        number=invoice.number,
        period=invoice.period.name,
        language="en",
        locale=organization.locale,
        paper=organization.paper_size.value.lower(),
        currency=invoice.currency,
        organization=organization.name,
        organization_address=address_lines(organization.address),
        reply_to=organization.reply_to,
        logo=organization.logo,
        recipient=_recipient(invoice),
        particulars=(
            (f"{words.member} no.", _short(billed_to.get("member_number") or invoice.member.number)),
            (words.chapter, _short(billed_to.get("chapter") or invoice.chapter.name)),
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
        specimen=organization.is_demo or test_mode,
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
    name = _short(invoice.bill_to.get("name") or invoice.member.name)
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
    return LetterLine(_short(line.description), line.amount, _short(reasons[0]) if reasons else None)


def address_lines(text: str) -> tuple[str, ...]:
    lines = [_short(line) for line in text[:2000].splitlines() if line.strip()]
    return tuple(lines[:_MOST_ADDRESS_LINES])


def _short(text: str) -> str:
    clean = " ".join(text.split())
    return clean if len(clean) <= _MOST_TEXT else f"{clean[: _MOST_TEXT - 1]}…"


def hash_of(design: int, letter: Any) -> str:
    """Of all facts of a letter, and of the design that draws them."""
    facts = json.dumps([design, asdict(letter)], default=_as_text, sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()


def _as_text(value: Any) -> str:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else str(value)
