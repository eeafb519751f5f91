"""What a step of the reminders says: the organization's words, filled with facts and nothing else."""

from typing import Any

import pytest

from tests import factories
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications import reminder_texts
from webapp.domain.notifications.invoice_pdf import printable
from webapp.domain.notifications.messages import Message
from webapp.domain.notifications.reminder_texts import Wording
from webapp.domain.organizations import Member, Organization

GERMAN = Wording(
    "{amount} fällig: {number}", "Hallo {first_name},\n\nbitte bis {due_on}:\n{pay_link}", "Zahlen"
)


def written(days: int, language: str, said: Wording = GERMAN) -> None:
    with transaction():
        reminder_texts.write(days, language, said, by=None)


def reminder(organization: Organization, invoice: Invoice, days: int | None) -> Message:
    held = db.session.get_one(Invoice, (invoice.organization_id, invoice.id))
    on = held.due_on
    found = reminder_texts.reminder(organization, loaded(held), "https://pay.example.org/x", on=on, days=days)
    db.session.rollback()
    return found


def loaded(invoice: Invoice) -> Invoice:
    return db.session.scalars(printable(Invoice.id == invoice.id)).one()


def speaking(organization: Organization, invoice: Invoice, language: str | None) -> None:
    with transaction() as session:
        member = session.get_one(Member, (organization.id, invoice.member_id))
        member.set_mail(paused_until=None, language=language, statements=True, by=None)


def test_a_step_without_a_text_says_the_usual_words(organization: Organization) -> None:
    invoice = factories.make_invoice()
    usual = reminder(organization, invoice, None)
    assert reminder(organization, invoice, 0) == usual
    assert usual.subject.startswith("Reminder: $100.00 is due today")


def test_a_written_step_says_the_organizations_words_and_the_others_the_usual_ones(
    organization: Organization,
) -> None:
    invoice = factories.make_invoice()
    written(0, "en", Wording("Pay {amount}", "Dear {member},\n\nplease.", "Pay"))
    said = reminder(organization, invoice, 0)
    assert (said.subject, said.paragraphs[1:], said.greeting) == ("Pay $100.00", ["please."], "")
    assert said.button == ("Pay", "https://pay.example.org/x")
    assert reminder(organization, invoice, 7).subject.startswith("Reminder: ")


def test_a_member_is_written_to_in_the_own_language_else_in_the_organizations(
    organization: Organization,
) -> None:
    invoice = factories.make_invoice()
    written(0, "de")
    written(0, "en", Wording("Pay {amount}", "Please.", "Pay"))
    speaking(organization, invoice, "de")
    said = reminder(organization, invoice, 0)
    assert said.subject == f"100,00\xa0$ fällig: {invoice.number}"
    assert said.paragraphs[1].endswith(":\nhttps://pay.example.org/x")
    speaking(organization, invoice, "fr")
    assert reminder(organization, invoice, 0).subject == "Pay $100.00"


@pytest.mark.parametrize(
    ("part", "text", "sentence"),
    [
        ("text", "You owe {ammount}.", "{ammount} can't be used here. What can be filled in: {member}, "),
        ("subject", "Pay at {pay_link}", "{pay_link} can't be used here."),
        ("subject", "Pay\r\nBcc: everybody@example.org", "Write it on one line"),
        ("subject", "Pay\u2028now", "Write it on one line"),
        ("button", "Pay {amount}", "{amount} can't be used here. Write plain words."),
        ("text", "Pay } now", "A brace stands alone."),
        ("text", "{member", "A brace stands alone."),
        ("text", "{member.__class__}", "{member.__class__} can't be used here."),
        ("text", "Pay\x07", "Take out the control characters"),
        ("text", "  ", "Write something here."),
        ("subject", "x" * 151, "Write at most 150 characters."),
    ],
)
def test_what_cannot_be_mailed_is_refused_with_a_sentence(
    organization: Organization, part: str, text: str, sentence: str
) -> None:
    words: dict[str, Any] = {"subject": "Pay", "text": "Please.", "button": "Pay"} | {part: text}
    with pytest.raises(Invalid) as refused, transaction():
        reminder_texts.write(0, "en", Wording(**words), by=None)
    assert refused.value.fields[part].startswith(sentence)
    assert reminder_texts.written() == {}


def test_names_that_look_like_something_to_fill_in_stay_names(organization: Organization) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    member = factories.make_member(chapter, status, first_name="{pay_link}", last_name="<b>{amount}</b>")
    invoice = factories.make_invoice(member=member)
    written(0, "en", Wording("{member}", "{member}", "Pay"))
    said = reminder(organization, invoice, 0)
    assert said.subject == "{pay_link} <b>{amount}</b>"
    assert list(said.paragraphs) == [said.subject]


def test_another_organizations_texts_are_not_seen(organization: Organization) -> None:
    written(0, "en")
    other = factories.make_organization("Another")
    with tenancy.acting_for(other.id):
        assert reminder_texts.written() == {}
    db.session.rollback()


def test_taking_a_text_away_brings_the_usual_words_back(organization: Organization) -> None:
    invoice = factories.make_invoice()
    written(0, "en", Wording("Pay", "Please.", "Pay"))
    with transaction():
        reminder_texts.forget(0, "en", by=None)
        reminder_texts.forget(0, "en", by=None)
    assert reminder(organization, invoice, 0).subject.startswith("Reminder: ")
