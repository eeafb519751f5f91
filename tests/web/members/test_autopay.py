"""Autopay of a payment plan on its pages, in its mails and through the API."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.autopaying import LINKS, Kept, keep, save_method
from tests.processor import Shop
from tests.web.api.conftest import program
from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.notifications import autopay_mails, installments
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.organizations import Organization, RoleName
from webapp.domain.payments.saved_methods import SavedMethod
from webapp.domain.plans import autopay
from webapp.domain.reporting import operation

SignIn = Callable[..., Any]


@pytest.fixture
def kept(shop: Shop) -> Kept:
    return keep(shop)


@pytest.fixture
def page(shop: Shop, kept: Kept) -> str:
    return f"/o/{shop.organization.slug}/my/payment-plans/{kept.plan_id}/"


def test_the_member_turns_it_on_in_the_words_shown_and_off_again(
    shop: Shop, kept: Kept, page: str, sign_in: SignIn
) -> None:
    sign_in(shop.client, kept.ana)
    assert "Save a card or a bank account" in shop.client.get(page).text
    method = save_method(shop)
    shown = shop.client.get(page).text
    assert kept.words in shown and "Visa ending 4242" in shown

    typed = {"method_id": str(method.id), "words": kept.words}
    assert shop.client.post(f"{page}autopay", data=typed).status_code == 303

    told = shop.client.get(page).text
    assert "Each installment is collected from" in told and "Turn autopay off" in told
    assert "It is collected from <b>Visa ending 4242</b> on the <b>next morning</b>" in told
    assert "Nothing is taken by itself" not in told
    letter = shop.client.get(f"{page}pdf")
    assert letter.status_code == 200
    assert shop.client.post(f"{page}autopay/ending").status_code == 303
    assert autopay.of(kept.plan_id) is None and "I agree: turn autopay on" in shop.client.get(page).text


def test_the_page_says_what_is_under_way_and_what_has_to_be_paid_by_hand(
    shop: Shop, kept: Kept, page: str, sign_in: SignIn
) -> None:
    sign_in(shop.client, kept.ana)
    kept.turn_on("bank_waits")
    kept.night()
    assert "A payment is under way." in shop.client.get(page).text

    shop.sandbox.act(str(kept.payments[0].intent_reference), "failure")
    shop.hear("payment_intent.payment_failed")
    kept.turn_on("authentication")
    kept.night(days=1)

    assert "Your bank wants you to confirm it yourself" in shop.client.get(page).text


def test_the_member_s_home_says_what_is_collected_next_and_what_was_declined(
    shop: Shop, kept: Kept, sign_in: SignIn
) -> None:
    home = f"/o/{shop.organization.slug}/my/"
    sign_in(shop.client, kept.ana)
    assert "You pay each installment yourself." in shop.client.get(home).text

    kept.turn_on("declined_later")
    page = shop.client.get(home).text
    assert "It is collected from <b>Visa ending 0341</b> on the <b>next morning</b>" in page
    assert "Change autopay" in page
    kept.night()

    page = shop.client.get(home).text
    assert "<b>Visa ending 0341</b> was declined on" in page and "It is tried again on" in page


def test_what_holds_it_up_is_told_to_the_treasurer_and_the_member_is_not_blamed(
    shop: Shop, kept: Kept, page: str, sign_in: SignIn
) -> None:
    kept.turn_on()
    shop.sandbox.fault("refusal", method="POST", path="/v1/payment_intents")
    kept.night()
    sign_in(shop.client, kept.ana)
    home = shop.client.get(f"/o/{shop.organization.slug}/my/").text
    assert "That is not about your card or account" in home
    assert "cannot currently make live charges" not in shop.client.get(page).text

    sign_in(shop.client, kept.treasurer)
    desk = f"/o/{shop.organization.slug}/chapters/ALP/"
    assert "1 payment plan can’t be collected" in shop.client.get(desk).text
    assert "Ana" in shop.client.get(f"{desk}payment-plans/?state=held").text
    told = shop.client.get(page.replace("/my/", "/chapters/ALP/")).text
    assert "cannot currently make live charges" in told and "Test the connection" in told
    with transaction():
        [line] = [one for one in operation.lines(wiring.key_ring()) if one.subject == "Autopay"]
    assert line.said == "The installments of one payment plan could not be collected."


def test_nothing_chosen_is_said_and_other_words_are_refused(
    shop: Shop, kept: Kept, page: str, sign_in: SignIn
) -> None:
    method = save_method(shop)
    sign_in(shop.client, kept.ana)

    nothing = shop.client.post(f"{page}autopay", data={"words": kept.words})
    assert nothing.status_code == 422 and "Choose a payment method." in nothing.text
    other = shop.client.post(f"{page}autopay", data={"method_id": str(method.id), "words": "Take all"})
    assert other.status_code == 409 and "has changed since it was shown" in other.text
    assert autopay.of(kept.plan_id) is None


def test_a_treasurer_sees_it_and_can_not_turn_it_on(
    shop: Shop, kept: Kept, page: str, sign_in: SignIn
) -> None:
    sign_in(shop.client, kept.treasurer)
    desk = page.replace("/my/", f"/chapters/{kept.plan.chapter_id and 'ALP'}/")
    assert "Only the member can turn it on" in shop.client.get(desk).text

    kept.turn_on()

    seen = shop.client.get(desk).text
    assert "Visa ending 4242" in seen and kept.words in seen and "Turn autopay off" not in seen
    typed = {"method_id": str(SavedMethod.here().all()[0].id), "words": kept.words}
    assert shop.client.post(f"{page}autopay", data=typed).status_code == 403


def test_a_reminder_says_what_will_be_collected_and_keeps_quiet_on_the_day(shop: Shop, kept: Kept) -> None:
    kept.turn_on()
    due = kept.parts[1].due_on
    with transaction() as session:
        organization = session.get_one(Organization, shop.organization.id)
        installments.promise(organization, due - timedelta(days=3), LINKS)
        installments.promise(organization, due, LINKS)
    days = (due - kept.plan_began).days

    before = kept.mail(Mail.once == f"installment:{kept.parts[1].id}:-3", days=days - 3)

    assert "will be collected from Visa ending 4242 on" in before.title
    assert "There is nothing to do." in before.paragraphs[0]
    with transaction():
        held = kept.plan
        assert installments.why_not(held, shop.member, kept.parts[1].id, on=due) == "It is collected today."


@pytest.mark.parametrize(
    ("instrument", "advice"),
    [
        ("declined_later", "It is tried again on"),
        ("authentication", "Your bank wants you to confirm this payment yourself"),
    ],
)
def test_what_could_not_be_collected_is_mailed_with_what_to_do(
    shop: Shop, kept: Kept, instrument: str, advice: str
) -> None:
    kept.turn_on(instrument)
    kept.night()

    told = kept.mail(Mail.payment_id.is_not(None))

    assert told.subject == "$100.00 of your payment plan could not be collected"
    assert told.paragraphs[1].startswith(advice)
    assert told.button == ("Pay this installment", f"{LINKS.host}{page_of(kept)}")


def page_of(kept: Kept) -> str:
    return f"/o/{kept.shop.organization.slug}/my/payment-plans/{kept.plan_id}/"


def test_what_was_agreed_to_comes_by_mail_and_a_card_that_ends_is_said_once(shop: Shop, kept: Kept) -> None:
    method = kept.turn_on()
    shop.work_and_mail()
    [agreed] = Mail.here().all(Mail.kind == MailKind.AUTOPAY)
    assert (agreed.state, agreed.subject) == (MailState.SENT, "Autopay is on for your payment plan")

    with transaction():
        SavedMethod.here().get(method.id, lock=True).good_through = kept.day(20)
    for _ in range(2):
        with transaction() as session:
            organization = session.get_one(Organization, shop.organization.id)
            assert autopay_mails.remind_of_ends(organization, kept.day(0), LINKS) == 1

    told = kept.mail(Mail.once.startswith("card_ends:"))
    assert told.title == "Visa ending 4242 ends soon"


def test_a_member_accepts_a_plan_with_autopay_at_once(
    shop: Shop, kept: Kept, page: str, sign_in: SignIn
) -> None:
    method = save_method(shop)
    proposed = kept.propose_instead()
    sign_in(shop.client, kept.ana)
    where = page.replace(str(kept.plan_id), str(proposed.id))
    assert "Autopay from Visa ending 4242" in shop.client.get(where).text

    shop.client.post(f"{where}acceptance", data={"method_id": str(method.id), "words": kept.words})

    word = autopay.of(proposed.id)
    assert word is not None and word.authorization.words == kept.words


def test_a_program_reads_autopay_and_only_the_member_s_own_turns_it_on(
    shop: Shop, kept: Kept, organization: Organization
) -> None:
    officers = program(shop.client, organization, RoleName.NATIONAL_ADMIN)
    method = kept.turn_on()

    told = officers.get(f"payment-plans/{kept.plan_id}/autopay/").json
    assert (told["on"], told["method"], told["agreed"]) == (True, "Visa ending 4242", kept.words)
    [saved] = officers.get("saved-methods/").json["data"]
    assert (saved["id"], saved["brand"], saved["last4"]) == (str(method.id), "Visa", "4242")
    refused = officers.post(f"payment-plans/{kept.plan_id}/autopay/{method.id}", {"words": kept.words})
    assert refused.status_code == 403
