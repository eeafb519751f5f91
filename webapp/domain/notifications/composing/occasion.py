"""A mail that is to be written now, and what every kind of it looks up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.core.errors import Conflict
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits import search
from webapp.domain.credits.credit_note import CreditNote
from webapp.domain.notifications import (
    credit_pdf,
)
from webapp.domain.notifications.credit_pdf import CreditLetter
from webapp.domain.notifications.delivery import Mail
from webapp.domain.notifications.invoice_pdf import InvoiceLetter, letter_of, printable
from webapp.domain.notifications.letter import Letter
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.wording import Voice
from webapp.domain.organizations import Organization
from webapp.domain.payments.payment import Payment


class Pointless(Conflict):
    """What the mail was to say is not true any more."""


@dataclass(frozen=True)
class Occasion:
    """A mail to be written now: `on` is the organization's day."""

    mail: Mail
    organization: Organization
    links: Links
    on: date
    test_mode: bool = False

    @property
    def voice(self) -> Voice:
        return Voice(self.organization)

    def letter(self, invoice: Invoice) -> InvoiceLetter:
        return letter_of(invoice, self.organization, self.links, test_mode=self.test_mode)

    def credit_letter(self, note: CreditNote) -> CreditLetter:
        applications = search.applications_of(note)
        return credit_pdf.letter_of(note, applications, self.organization, test_mode=self.test_mode)

    def pay_url(self, invoice: Invoice) -> str:
        return self.links.pay(self.organization, invoice)


Composed = tuple[Message, Sequence[Letter]]


def loaded_invoice(invoice_id: UUID | None) -> Invoice:
    assert invoice_id is not None, "This kind of mail is about an invoice"
    return db.session.scalars(printable(Invoice.id == invoice_id)).one()


def payment_of(occasion: Occasion) -> Payment:
    statement = Payment.here().select(Payment.id == occasion.mail.payment_id)
    return db.session.scalars(statement.options(joinedload(Payment.member))).one()
