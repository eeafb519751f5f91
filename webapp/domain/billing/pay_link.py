"""The link in the mail: opens one invoice for payment without a login, and nothing else.

Its token is signed, not stored; raising the invoice's `pay_link_version` makes every older link useless.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from webapp.core import audit, tenancy
from webapp.core.crypto import signature
from webapp.core.jobs import Job, later
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Login

RENEWED = "pay_link_renewed"

_ID_BYTES, _VERSION_BYTES, _SEAL_BYTES = 16, 2, 20
_LENGTH = _ID_BYTES + _VERSION_BYTES + _SEAL_BYTES


def token(invoice: Invoice, secret: str) -> str:
    version = invoice.pay_link_version % 2 ** (8 * _VERSION_BYTES)
    seal = _seal(secret, invoice.organization_id, invoice.id, version)
    return _text(invoice.id.bytes + version.to_bytes(_VERSION_BYTES) + seal)


def read(token: str, secret: str) -> tuple[UUID, int] | None:
    """Invoice id and link version of a genuine token of the organization we act for; None for any other.

    Whoever asks still compares the version with the invoice's.
    """
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (ValueError, binascii.Error):
        return None
    if len(raw) != _LENGTH or _text(raw) != token:
        return None
    invoice_id = UUID(bytes=raw[:_ID_BYTES])
    version = int.from_bytes(raw[_ID_BYTES:-_SEAL_BYTES])
    genuine = _seal(secret, tenancy.organization_id(), invoice_id, version)
    return (invoice_id, version) if hmac.compare_digest(genuine, raw[-_SEAL_BYTES:]) else None


def renew(invoice: Invoice, *, by: Login) -> None:
    """End every link given out before. The new one is mailed to the member's address on file."""
    invoice.refuse_void()
    before = invoice.pay_link_version
    invoice.pay_link_version = before + 1
    after = {"version": invoice.pay_link_version}
    audit.record(RENEWED, invoice, by=by, before={"version": before}, after=after)
    once = f"new_link:{invoice.id}:{invoice.pay_link_version}"
    later(Job.ANNOUNCE, once=once, what="new_pay_link", invoice_id=invoice.id)


def mail_newest(token: str, secret: str) -> None:
    """Whoever shows a genuine link, however old, has the newest one mailed to the address on file.

    Of any other nothing comes, and nobody is told the difference.
    """
    named = read(token, secret)
    invoice = Invoice.here().first(Invoice.id == named[0]) if named else None
    if invoice is not None:
        later(Job.ANNOUNCE, what="new_pay_link", invoice_id=invoice.id)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _seal(secret: str, organization_id: UUID, invoice_id: UUID, version: int) -> bytes:
    message = f"{organization_id}|{invoice_id}|{version}".encode()
    return signature(secret, "pay link", message)[:_SEAL_BYTES]
