from typing import Any

import pytest

from tests import factories
from tests.processor import TODAY, Shop, fresh
from webapp import wiring
from webapp.core.db import transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain.approvals import Action, ApprovalRequest
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import only
from webapp.domain.credits import goodwill, withdrawing
from webapp.domain.credits.applying import CreditApplication, apply, undo
from webapp.domain.credits.credit_note import CreditNote, CreditState
from webapp.domain.ledger import Code
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.organizations import Chapter, Login, Member, RoleName
from webapp.domain.payments import voiding
from webapp.domain.refunds.refund import How
from webapp.domain.refunds.releasing import release_of
from webapp.domain.refunds.requesting import Terms
from webapp.wiring import mail_folder


@pytest.fixture
def treasurer(shop: Shop) -> Login:
    login = factories.make_login("Tom Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=Chapter.here().get(shop.chapter_id))
    factories.allow_alone(RoleName.TREASURER, Action.ADJUSTMENT, 2_500)
    return login


@pytest.fixture
def admin(shop: Shop) -> Login:
    factories.allow_alone(RoleName.NATIONAL_ADMIN, Action.ADJUSTMENT, None)
    return factories.make_admin()


def given(shop: Shop, amount: int, by: Login) -> CreditNote:
    with transaction():
        note, _ = goodwill.give(shop.member, amount, reason="The hall was closed", by=by, on=TODAY)
    assert note is not None
    return note


def withdraw(note: CreditNote, by: Login, reason: str = "It was given twice") -> Any:
    with transaction():
        return withdrawing.withdraw(note.id, reason=reason, by=by, on=TODAY)


def decide(request: ApprovalRequest, by: Login, reason: str = "") -> None:
    with transaction():
        held = ApprovalRequest.here().get(request.id)
        if reason:
            held.deny(by=by, reason=reason, tell=wiring.DENIALS, on=TODAY)
        else:
            held.approve(by=by, seen=held.order_digest, carry_out=wiring.ACTIONS, on=TODAY)


def test_goodwill_that_nobody_used_is_withdrawn_and_its_entry_reversed(shop: Shop, treasurer: Login) -> None:
    note = given(shop, 2_500, treasurer)
    _, request = withdraw(note, treasurer)
    found = fresh(CreditNote, note.id)
    assert (found.state, found.withdrawal_reason, request) == (
        CreditState.WITHDRAWN,
        "It was given twice",
        None,
    )
    assert (shop.balance(Code.WAIVERS), shop.balance(Code.CREDIT_NOTES)) == (0, 0)


@pytest.mark.case("F15")
def test_above_the_limit_it_is_held_until_somebody_else_has_decided(
    shop: Shop, treasurer: Login, admin: Login
) -> None:
    note, invoice = given(shop, 2_501, admin), shop.owed()
    _, request = withdraw(note, treasurer)
    with pytest.raises(Conflict), transaction():
        apply(note.id, only(invoice), on=TODAY, by=admin)
    assert shop.balance(Code.CREDIT_NOTES) == 2_501
    decide(request, admin)
    assert fresh(CreditNote, note.id).state is CreditState.WITHDRAWN
    assert shop.balance(Code.CREDIT_NOTES) == 0


def test_denied_the_member_keeps_it_and_can_use_it(shop: Shop, treasurer: Login, admin: Login) -> None:
    note = given(shop, 2_501, admin)
    _, request = withdraw(note, treasurer)
    decide(request, admin, "It was meant so")
    assert fresh(CreditNote, note.id).is_open


def test_what_is_left_of_used_goodwill_is_withdrawn_and_what_was_used_stays(
    shop: Shop, treasurer: Login
) -> None:
    note, invoice = given(shop, 2_500, treasurer), shop.owed(1_000)
    with transaction():
        apply(note.id, only(invoice), on=TODAY, by=treasurer)
    [rest] = CreditNote.here().all(CreditNote.parent_id == note.id)
    with pytest.raises(Conflict) as refused:
        withdraw(note, treasurer)
    assert refused.value.next_step == f"What is left of it is {rest.number}: that can be withdrawn."

    withdraw(rest, treasurer)

    found = fresh(CreditNote, rest.id)
    assert (found.state, found.amount, found.withdrawal_reason) == (
        CreditState.WITHDRAWN, 1_500, "It was given twice",
    )  # fmt: skip
    assert fresh(Invoice, invoice.id).owed == 0
    assert (shop.balance(Code.WAIVERS), shop.balance(Code.CREDIT_NOTES)) == (1_000, 0)
    shop.work_and_mail()
    assert [mail.details["note_id"] for mail in mails("withdrawn")] == [str(rest.id)]


def test_goodwill_taken_off_an_invoice_again_is_withdrawn_like_any_other(
    shop: Shop, treasurer: Login
) -> None:
    note, invoice = given(shop, 2_500, treasurer), shop.owed(2_500)
    with transaction():
        apply(note.id, only(invoice), on=TODAY, by=treasurer)
    with transaction():
        [application] = CreditApplication.here().all()
        free = undo(application, Invoice.here().get(invoice.id, lock=True), on=TODAY, by=treasurer)

    withdraw(free, treasurer)

    assert (shop.balance(Code.WAIVERS), shop.balance(Code.CREDIT_NOTES)) == (0, 0)
    assert fresh(Invoice, invoice.id).owed == 2_500


def test_used_goodwill_and_money_that_came_in_stay(shop: Shop, treasurer: Login) -> None:
    note, invoice = given(shop, 2_500, treasurer), shop.owed()
    with transaction():
        apply(note.id, only(invoice), on=TODAY, by=treasurer)
    shop.record(shop.owed(1), 1_001)
    [paid] = CreditNote.here().all(CreditNote.remaining > 0)
    for one in (note, paid):
        with pytest.raises(Conflict):
            withdraw(one, treasurer)


def test_it_needs_a_reason(shop: Shop, treasurer: Login) -> None:
    note = given(shop, 2_500, treasurer)
    with pytest.raises(Invalid):
        withdraw(note, treasurer, " ")


@pytest.mark.case("A4")
def test_nobody_gives_goodwill_to_themselves_alone(shop: Shop, admin: Login) -> None:
    with transaction():
        Member.here().get(shop.member_id, lock=True).login_id = admin.id
    with transaction():
        note, request = goodwill.give(shop.member, 100, reason="I was brave", by=admin, on=TODAY)
    assert note is None and request is not None and request.cap == 0


def mails(what: str) -> list[Mail]:
    found = Mail.here().all(Mail.kind == MailKind.CREDIT_NOTE, order_by=Mail.id)
    return [mail for mail in found if mail.details["what"] == what]


def test_the_member_hears_of_goodwill_with_its_pdf_and_that_it_is_withdrawn(
    shop: Shop, treasurer: Login
) -> None:
    note = given(shop, 2_500, treasurer)
    shop.work_and_mail()
    [told] = mails("opened")
    letter = mail_folder().read(str(told.id))
    assert "$25.00 is yours" in str(told.subject) and "The hall was closed" in letter.text
    assert [one.name for one in letter.attachments] == [f"credit-note-{note.number}.pdf"]
    withdraw(note, treasurer)
    shop.work_and_mail()
    [gone] = mails("withdrawn")
    letter = mail_folder().read(str(gone.id))
    assert "It was given twice" in letter.text
    assert [one.name for one in letter.attachments] == [f"credit-note-{note.number}.pdf"]


def test_what_is_withdrawn_before_the_mail_left_is_not_told_at_all(shop: Shop, treasurer: Login) -> None:
    withdraw(given(shop, 2_500, treasurer), treasurer)
    shop.work_and_mail()
    assert [mail.state for mail in mails("opened")] == [MailState.DROPPED]
    assert mails("withdrawn") == []


def test_what_was_paid_on_a_voided_invoice_is_told_as_credit(shop: Shop) -> None:
    invoice = shop.owed()
    shop.record(invoice, 15_000)
    with transaction():
        voiding.void(invoice.id, by=None, reason="Billed in error", on=TODAY)
    shop.work_and_mail()
    [told] = mails("opened")
    text = " ".join(mail_folder().read(str(told.id)).text.split())
    assert f"Invoice {invoice.number} was cancelled after it was paid" in text and "$150.00" in text


def test_what_is_given_back_is_told_with_the_credit_notes_pdf(shop: Shop, admin: Login) -> None:
    factories.allow_alone(RoleName.NATIONAL_ADMIN, Action.CREDIT_RELEASE, None)
    note = given(shop, 2_500, admin)
    with transaction():
        terms = Terms(amount=2_500, how=How.CHECK, reason="Left the chapter", check_number="2041")
        release_of(note.id, terms, by=admin, on=TODAY)
    shop.work_and_mail()
    [told] = Mail.here().all(Mail.kind == MailKind.REFUND)
    letter = mail_folder().read(str(told.id))
    assert f"Credit note: {note.number}" in letter.text
    assert [one.name for one in letter.attachments] == [f"credit-note-{note.number}.pdf"]
