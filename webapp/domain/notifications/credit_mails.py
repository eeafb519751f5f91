"""What members hear of their credit notes: that there is one, and that one is gone. Each with its PDF."""

from collections.abc import Callable
from uuid import UUID

from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits import search
from webapp.domain.credits.credit_note import CreditNote, Origin
from webapp.domain.notifications.delivery import Mail, MailKind, MailState, write_down
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.wording import Voice, dear
from webapp.domain.payments.payment import Payment


def announcing(what: str) -> Callable[..., None]:
    """Writes the mail of this occasion down: `opened`, or `withdrawn`."""

    def announce(links: Links, note_id: UUID) -> None:
        note = loaded(note_id)
        if what == "opened" or _was_told(note):
            write_down(
                MailKind.CREDIT_NOTE,
                note.member.email,
                once=f"credit_note_{what}:{note.id}",
                domain=links.domain,
                member_id=note.member_id,
                payment_id=note.payment_id,
                invoice_id=note.invoice_id,
                details={"note_id": str(note.id), "what": what},
            )

    return announce


def loaded(note_id: UUID) -> CreditNote:
    return db.session.scalars(search.with_holder(CreditNote.id == note_id)).one()


def opened(voice: Voice, note: CreditNote) -> Message:
    title = f"{voice.money(note.amount)} is yours: credit note {note.number}"
    return Message(
        subject=title,
        title=title,
        greeting=dear(note.member),
        paragraphs=[_ORIGINS[note.origin](voice, note), "The credit note is attached as a PDF."],
        amount=("Kept as your credit", note.amount),
        facts=[("Credit note", note.number)] + ([("Reason", note.reason)] if note.reason else []),
        afterwards=[
            "Your treasurer can settle your invoices with it, or give it back to you.",
            "Answer this mail and say what you want.",
        ],
    )


def withdrawn(voice: Voice, note: CreditNote) -> Message:
    gone = voice.money(note.used)
    why = "It was goodwill" if note.is_goodwill else "Its money did not stay, or never came in"
    rest = f" The rest of it, {voice.money(note.passed_on)}, stays yours." if note.passed_on else ""
    return Message(
        subject=f"Credit note {note.number} is withdrawn",
        title=f"Credit note {note.number} is withdrawn",
        greeting=dear(note.member),
        paragraphs=[f"{voice.name} had kept {gone} for you, and has withdrawn it. {why}.{rest}"],
        amount=("Withdrawn", note.used),
        facts=[("The reason", note.withdrawal_reason)] if note.withdrawal_reason else [],
        afterwards=["If you think that this is a mistake, answer this mail."],
    )


ABOUT: dict[str, Callable[[Voice, CreditNote], Message]] = {"opened": opened, "withdrawn": withdrawn}


def _was_told(note: CreditNote) -> bool:
    """Whoever never heard of it need not hear that it is gone."""
    mail = Mail.here().first(Mail.once == f"credit_note_opened:{note.id}")
    told = mail is not None and mail.state in (MailState.SENT, MailState.SENDING)
    return told or note.origin is Origin.REMAINDER or (note.is_goodwill and note.parent_id is not None)


def _overpaid(voice: Voice, note: CreditNote) -> str:
    assert note.payment_id is not None, "Over-payment comes with a payment"
    paid = voice.money(Payment.here().get(note.payment_id).amount)
    return (
        f"{voice.name} received {paid} from you. {voice.money(note.amount)} of it was not owed, for instance"
        " because another payment had arrived meanwhile, so it is kept for you."
    )


def _voided(voice: Voice, note: CreditNote) -> str:
    number = Invoice.here().get(note.invoice_id).number if note.invoice_id else ""
    what = f"Invoice {number}" if number else "An invoice of yours"
    return f"{what} was cancelled after it was paid. What {voice.name} had received for it is kept for you."


def _goodwill(voice: Voice, note: CreditNote) -> str:
    return f"{voice.name} gives you credit of {voice.money(note.amount)}."


def _came_back(voice: Voice, note: CreditNote) -> str:
    return f"Money that {voice.name} sent back to you did not arrive, so it is kept for you."


_ORIGINS: dict[Origin, Callable[[Voice, CreditNote], str]] = {
    Origin.OVERPAYMENT: _overpaid,
    Origin.VOIDED_INVOICE: _voided,
    Origin.GOODWILL: _goodwill,
    Origin.FAILED_REFUND: _came_back,
}
