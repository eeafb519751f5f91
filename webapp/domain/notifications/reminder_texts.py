"""What each step of the reminders says: the organization's own text, by language, or else ours."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any
from unicodedata import category

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from webapp.core import audit
from webapp.core.db import Base, OrganizationRow, db, references_organization
from webapp.core.errors import Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications import wording
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.wording import Voice
from webapp.domain.organizations import Login, Organization, languages

LONGEST_SUBJECT, LONGEST_TEXT, LONGEST_BUTTON = 150, 4000, 60
PLACEHOLDERS = {
    "member": "The member’s name",
    "first_name": "The first name, or the whole name where there is none",
    "number": "The invoice’s number",
    "amount": "What is owed, with its currency",
    "due_on": "The due date",
    "days": "How many days it is until the due date, or since",
    "period": "What the invoice is for",
    "organization": "The organization’s name",
    "pay_link": "The address of the page to pay; not for the subject",
}
IN_SUBJECT = [name for name in PLACEHOLDERS if name != "pay_link"]
_NAMED = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Wording:
    """Plain text. An empty line begins a new paragraph; `{amount}` stands for what is owed."""

    subject: str
    text: str
    button: str = "See and pay the invoice"

    def refuse_impossible(self) -> None:
        """Invalid, with a sentence at each part that can't be mailed."""
        problems = {
            "subject": _problem(self.subject, LONGEST_SUBJECT, IN_SUBJECT) or _more_than_a_line(self.subject),
            "text": _problem(self.text, LONGEST_TEXT, PLACEHOLDERS),
            "button": _problem(self.button, LONGEST_BUTTON, ()) or _more_than_a_line(self.button),
        }
        if found := {name: sentence for name, sentence in problems.items() if sentence}:
            raise Invalid(fields=found)

    def message(self, facts: Mapping[str, str]) -> Message:
        """What is put in stays as it is, whatever it looks like: a name in braces is a name."""
        subject = _filled(self.subject, facts)
        paragraphs = [one for one in re.split(r"\n\s*\n", self.text.replace("\r\n", "\n").strip()) if one]
        return Message(
            subject=subject,
            title=subject,
            greeting="",
            paragraphs=[_filled(paragraph, facts) for paragraph in paragraphs],
            button=(self.button, facts["pay_link"]),
        )


def standard(days: int) -> Wording:
    """To begin with, in our words: what a step says where nothing was written."""
    if days < 0:
        when, sentence = "due in {days} days", "This is a reminder before the due date. Nothing is late."
    elif days == 0:
        when, sentence = "due today", "Today is the due date."
    else:
        when = "{days} days overdue"
        sentence = "The due date has passed, and we have not seen a payment."
    return Wording(
        subject=f"Reminder: {{amount}} is {when}, invoice {{number}}",
        text=f"Hello {{first_name}},\n\n{sentence} Invoice {{number}} is for {{period}}.\n\n"
        "Paid in the last few days? Then thank you, and nothing is left to do.\n\n"
        "If you can't pay this now, answer this mail. Your treasurer would rather hear from you.",
    )


class ReminderText(OrganizationRow, Base):
    """One step's text in one language; `days` counts from the due date, negative before it.

    It stays when its step is taken away, and counts again when the step comes back.
    """

    __tablename__ = "reminder_texts"

    days: Mapped[int]
    language: Mapped[str]
    subject: Mapped[str]
    text: Mapped[str]
    button: Mapped[str]

    __table_args__ = (
        references_organization(),
        UniqueConstraint("organization_id", "days", "language"),
        CheckConstraint("days BETWEEN -365 AND 365", "days_are_near"),
        CheckConstraint("subject !~ '[[:cntrl:]]' AND button !~ '[[:cntrl:]]'", "one_line_each"),
    )

    @property
    def wording(self) -> Wording:
        return Wording(self.subject, self.text, self.button)


def written() -> dict[tuple[int, str], ReminderText]:
    """Every text of the organization this transaction acts for, by step and language."""
    return {(one.days, one.language): one for one in ReminderText.here().all(order_by=ReminderText.language)}


def write(days: int, language: str, said: Wording, *, by: Login | None) -> None:
    """From the next reminder on; those that wait to leave say it as well."""
    said.refuse_impossible()
    found = _locked(days, language)
    if found is None:
        found = ReminderText(days=days, language=language, **asdict(said))
        db.session.add(found)
        db.session.flush()
        audit.record("written", found, by=by, after=_told(found))
        return
    before = _told(found)
    found.subject, found.text, found.button = said.subject, said.text, said.button
    if before != _told(found):
        audit.record("changed", found, by=by, before=before, after=_told(found))


def forget(days: int, language: str, *, by: Login | None) -> None:
    """The usual words stand again. Nothing happens where nothing was written."""
    found = _locked(days, language)
    if found is not None:
        audit.record("taken away", found, by=by, before=_told(found))
        db.session.delete(found)


def chosen(
    texts: Mapping[tuple[int, str], ReminderText], days: int, language: str | None, organization: Organization
) -> ReminderText | None:
    """In the member's language, else in the organization's; None where the usual words stand."""
    spoken = [language, languages.own(organization)]
    return next((texts[days, one] for one in spoken if one and (days, one) in texts), None)


def reminder(
    organization: Organization, invoice: Invoice, pay_url: str, *, on: date, days: int | None
) -> Message:
    """What the step of these days says of this invoice on that day; without a step, the usual words."""
    own = None if days is None else chosen(_of_step(days), days, invoice.member.language, organization)
    if own is None:
        return wording.reminder(Voice(organization), invoice, invoice.member, pay_url, on=on)
    return specimen(organization, invoice, pay_url, own.wording, on=on, language=own.language)


def specimen(
    organization: Organization, invoice: Invoice, pay_url: str, said: Wording, *, on: date, language: str
) -> Message:
    """These words, saved or not, about a real invoice."""
    voice = replace(Voice(organization), language=language)
    member = invoice.member
    return said.message(
        {
            "member": member.name,
            "first_name": member.first_name or member.name,
            "number": invoice.number,
            "amount": voice.money(invoice.owed),
            "due_on": voice.day(invoice.due_on),
            "days": str(abs((invoice.due_on - on).days)),
            "period": invoice.period.name,
            "organization": organization.name,
            "pay_link": pay_url,
        }
    )


def _of_step(days: int) -> dict[tuple[int, str], ReminderText]:
    return {(one.days, one.language): one for one in ReminderText.here().all(ReminderText.days == days)}


def _locked(days: int, language: str) -> ReminderText | None:
    its = ReminderText.days == days, ReminderText.language == language
    return ReminderText.here().first(*its, lock=True)


def _told(text: ReminderText) -> dict[str, Any]:
    return {"days": text.days, "language": text.language} | asdict(text.wording)


def _filled(text: str, facts: Mapping[str, str]) -> str:
    return _NAMED.sub(lambda found: facts[found[1]], text)


def _problem(text: str, longest: int, known: Collection[str]) -> str | None:
    if not text.strip():
        return "Write something here."
    if len(text) > longest:
        return f"Write at most {longest} characters."
    if any(category(letter) == "Cc" and letter not in "\r\n\t" for letter in text):
        return "Take out the control characters; they can't be mailed."
    for name in _NAMED.findall(text):
        if name not in known:
            return f"{{{name}}} can't be used here. {_offer(list(known))}"
    if set("{}") & set(_NAMED.sub("", text)):
        return f"A brace stands alone. {_offer(list(known))}"
    return None


def _offer(known: Sequence[str]) -> str:
    if not known:
        return "Write plain words."
    return f"What can be filled in: {', '.join(f'{{{name}}}' for name in known)}."


def _more_than_a_line(text: str) -> str | None:
    broken = any(category(letter) in ("Cc", "Zl", "Zp") for letter in text)
    return "Write it on one line, without control characters." if broken else None
