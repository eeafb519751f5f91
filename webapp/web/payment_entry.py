"""A payment as it is typed: the form, and what it would settle, as far as it makes sense."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wtforms import BooleanField, DateField, HiddenField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from webapp.core.errors import Invalid
from webapp.domain.billing import spreading
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import Preview, Spread, in_proportion, oldest_first
from webapp.domain.organizations import Chapter, Member
from webapp.domain.payments import offline
from webapp.domain.payments.matching import Directory, candidates
from webapp.domain.payments.payment import OFFLINE, Method, Payment
from webapp.web.closed_books import DatedForm
from webapp.web.forms import MoneyField, offered
from webapp.web.gates import current_organization
from webapp.web.spreading import CHOSEN, OLDEST, SHARES, WAYS, as_typed, typed_parts

_MOST_NAMED = 5


class PaymentForm(DatedForm):
    """What an officer holds in hand. `seen` and `sure` come with the confirmation."""

    member = StringField("Who paid", [InputRequired("Say who paid."), Length(max=200)])
    amount = MoneyField("Amount", [InputRequired("Enter the amount.")])
    method = SelectField("How it came", choices=offered((one.value, one.label) for one in OFFLINE))
    on = DateField("Received on", [InputRequired("Enter the day.")])
    reference = StringField("Reference", [Length(max=100)])
    order = RadioField("What it settles", choices=offered(WAYS.items()), default=OLDEST)
    receipt = BooleanField("Mail a receipt")
    seen = HiddenField()
    sure = BooleanField("This is another payment: record it all the same")


@dataclass
class Found:
    """What the page shows below the form, as far as what was typed makes sense."""

    member: Member | None = None
    owed: Sequence[Invoice] = ()
    preview: Preview | None = None
    alike: Sequence[Payment] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    changed: bool = False


def look(form: PaymentForm, found: Found) -> bool:
    """Whether it could be recorded as typed; the form says why not, `found` what would happen."""
    member, amount = found.member, form.amount.data
    if member is None or amount is None or form.on.data is None or form.method.data not in OFFLINE:
        return False
    method = Method(form.method.data)
    try:
        offline.refuse_impossible(amount, method=method, on=form.on.data, today=current_organization.today)
        found.preview = spreading.preview(amount, found.owed, spread_of(form, found))
    except Invalid as refusal:
        form.refuse(Invalid(refusal.message, fields=_fields_of_form(refusal)))
        return False
    reference = (form.reference.data or "").strip() or None
    found.alike = offline.alike(member.id, amount, method=method, on=form.on.data, reference=reference)
    return True


def _fields_of_form(refusal: Invalid) -> dict[str, str]:
    """What is wrong with an invoice's part is said at the choice of parts."""
    named = {name: text for name, text in refusal.fields.items() if name in ("amount", "method", "on")}
    others = [text for name, text in refusal.fields.items() if name not in named]
    return named | ({"order": " ".join(dict.fromkeys(others))} if others else {})


def spread_of(form: PaymentForm, found: Found) -> Spread:
    if form.order.data == SHARES:
        return in_proportion
    return as_typed(found.parts) if form.order.data == CHOSEN else oldest_first


def known(form: PaymentForm, chapter: Chapter | None) -> Found:
    """Whom the form means, what that member owes, and what was typed beside the invoices."""
    found = Found(parts=typed_parts())
    if not form.member.data:
        return found
    match = Directory([form.member.data], chapter.id if chapter else None).match([form.member.data])
    if match.member is None:
        form.refuse(
            Invalid(fields={"member": f"{match.problem} {_perhaps(form.member.data, chapter)}".strip()})
        )
        return found
    found.member, found.owed = match.member, spreading.open_invoices(match.member.id)
    return found


def _perhaps(text: str, chapter: Chapter | None) -> str:
    likely = candidates([[text]], chapter.id if chapter else None)[:_MOST_NAMED]
    return f"Perhaps {', '.join(f'{one.name} ({one.number})' for one in likely)}?" if likely else ""
