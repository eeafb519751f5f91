from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests import factories
from tests.processor import Shop, fresh, make_owed
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Member, RoleName
from webapp.domain.payments.checkout import Checkout


def signed_in(shop: Shop, sign_in: Callable[..., Any], member: Member) -> str:
    login = factories.make_login("Ana Núñez")
    factories.make_role(login, RoleName.MEMBER, member=member)
    sign_in(shop.client, login)
    return f"/o/{shop.organization.slug}/my"


def test_a_member_pays_an_own_invoice_and_comes_back(shop: Shop, sign_in: Callable[..., Any]) -> None:
    invoice = shop.owed()
    home = signed_in(shop, sign_in, shop.member)
    page = shop.client.get(f"{home}/invoices/{invoice.id}/pay")
    assert page.status_code == 200 and "Pay $400.00" in page.text
    to_pay = shop.client.post(f"{home}/invoices/{invoice.id}/pay/checkouts")
    assert to_pay.status_code == 303
    done = urlsplit(str(shop.sandbox.pay(to_pay.location).location)).path
    assert "We are asking" in shop.client.get(done).text
    shop.client.post(f"{done}/looks")
    shop.work()
    assert "We have received $400.00" in shop.client.get(done).text
    assert fresh(Invoice, invoice.id).owed == 0


def test_somebody_else_s_invoice_is_not_there(shop: Shop, sign_in: Callable[..., Any]) -> None:
    member = shop.member
    other = Member.here().get(member.id)
    somebody = factories.make_member(
        factories.make_chapter("BET", "Beta Chapter"), factories.make_status("alumni")
    )
    theirs = make_owed(somebody)
    home = signed_in(shop, sign_in, other)
    assert shop.client.get(f"{home}/invoices/{theirs.id}/pay").status_code == 404
    assert shop.client.post(f"{home}/invoices/{theirs.id}/pay/checkouts").status_code == 404
    assert Checkout.here().all() == []


def test_a_stranger_is_asked_to_sign_in(shop: Shop) -> None:
    invoice = shop.owed()
    answer = shop.client.get(f"/o/{shop.organization.slug}/my/invoices/{invoice.id}/pay")
    assert answer.status_code in (302, 303)
