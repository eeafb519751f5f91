"""A member saves a card or bank account at the processor, looks at it here, and takes it back."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import factories
from tests.processor import Shop, fresh
from webapp.core.db import db, transaction
from webapp.domain.organizations import Chapter, Member, RoleName
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.saved_methods import MethodState, ProcessorCustomer, SavedMethod

SignIn = Callable[..., Any]
SETUP = ("checkout.session.completed", "setup_intent.succeeded")


@pytest.fixture
def home(shop: Shop, sign_in: SignIn) -> str:
    ana = factories.make_login("Ana Núñez")
    factories.make_role(ana, RoleName.MEMBER, member=shop.member)
    with transaction():
        Member.here().get(shop.member_id).login_id = ana.id
    sign_in(shop.client, ana)
    return f"/o/{shop.organization.slug}/my/payment-methods/"


def the_method() -> SavedMethod:
    found = SavedMethod.here().select().execution_options(populate_existing=True)
    return db.session.scalars(found).one()


def leave(shop: Shop, home: str, instrument: str = "success") -> str:
    """Where the processor sends the member back to after having left this card or account."""
    page = shop.client.post(home)
    assert page.status_code == 303, page.text
    return urlsplit(str(shop.sandbox.pay(page.location, instrument).location)).path


def test_a_card_is_saved_on_the_processor_s_page_and_the_return_page_tells(shop: Shop, home: str) -> None:
    back = leave(shop, home)
    assert "We are asking the payment processor" in shop.client.get(back).text

    shop.client.post(f"{back}looks")
    shop.work()

    assert "Visa ending 4242 is saved" in shop.client.get(back).text
    page = shop.client.get(home).text
    assert "Visa ending 4242" in page and "Remove Visa ending 4242" in page
    assert Payment.here().all() == []


@pytest.mark.parametrize("order", [SETUP, SETUP[::-1]])
def test_the_processor_s_letters_tell_the_same_in_any_order_and_once(
    shop: Shop, home: str, order: tuple[str, str]
) -> None:
    back = leave(shop, home)

    for kind in (*order, *order):
        shop.hear(kind)
    shop.client.post(f"{back}looks")
    shop.work()

    method = the_method()
    assert (method.state, method.label) == (MethodState.SAVED, "Visa ending 4242")
    assert {event.state for event in ProcessorEvent.here().all()} == {DeliveryState.DONE}


def test_pressing_twice_leads_to_the_same_page_of_the_same_customer(shop: Shop, home: str) -> None:
    first, second = (shop.client.post(home).location for _ in range(2))
    assert first == second and len(shop.sandbox.objects("customer")) == 1

    leave(shop, home)
    shop.hear()
    third = shop.client.post(home).location

    assert third != first and len(shop.sandbox.objects("customer")) == 1
    [customer] = ProcessorCustomer.here().all()
    assert customer.reference == shop.latest("customer")["id"]


def test_a_processor_that_does_not_answer_leaves_nothing_half_done(shop: Shop, home: str) -> None:
    shop.sandbox.fault("server_error", method="POST", path="/v1/checkout/sessions", count=4)
    back = shop.client.post(home)
    assert (back.status_code, back.location) == (303, home)
    assert "does not answer right now. Nothing is lost. Try again in a minute." in shop.client.get(home).text
    shop.sandbox.no_faults()

    assert shop.client.post(home).location.startswith(shop.sandbox.url)

    assert the_method().state is MethodState.LIVE
    assert len(shop.sandbox.objects("customer")) == len(shop.sandbox.objects("checkout.session")) == 1


def test_a_declined_card_is_not_saved_and_a_page_that_ran_out_is_over(shop: Shop, home: str) -> None:
    shop.sandbox.pay(shop.client.post(home).location, "generic_decline")
    shop.sandbox.act(shop.latest("checkout.session")["id"], "expiry")
    shop.hear()

    assert the_method().state is MethodState.GIVEN_UP
    assert "Nothing saved yet" in shop.client.get(home).text


def test_what_is_removed_is_let_go_of_at_the_processor_and_never_comes_back(shop: Shop, home: str) -> None:
    back = leave(shop, home)
    shop.hear()

    answer = shop.client.post(f"{back}removal")
    assert answer.status_code == 303 and "Visa ending 4242 is removed" in shop.client.get(home).text
    shop.hear()

    method = the_method()
    assert method.state is MethodState.REMOVED and method.detached_at is not None
    assert shop.latest("payment_method")["customer"] is None
    assert shop.client.post(f"{back}removal").status_code == 409
    shop.client.post(f"{back}looks")
    shop.work()
    assert the_method().state is MethodState.REMOVED


def test_what_the_processor_lets_go_of_by_itself_is_gone_here_too(shop: Shop, home: str) -> None:
    leave(shop, home)
    shop.hear()
    shop.detach(str(the_method().reference))

    shop.hear("payment_method.detached")

    assert the_method().state is MethodState.REMOVED
    assert "Nothing saved yet" in shop.client.get(home).text


def test_nobody_sees_or_removes_the_method_of_another_member(shop: Shop, home: str, sign_in: SignIn) -> None:
    back = leave(shop, home)
    shop.hear()
    chapter, status = Chapter.here().get(shop.chapter_id), factories.make_status("alumni")
    other = factories.make_member(chapter, status)
    bo = factories.make_login("Bo")
    factories.make_role(bo, RoleName.MEMBER, member=other)
    sign_in(shop.client, bo)

    assert shop.client.get(back).status_code == 404
    assert shop.client.post(f"{back}removal").status_code == 404
    assert fresh(SavedMethod, the_method().id).state is MethodState.SAVED
