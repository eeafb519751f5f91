"""A treasurer gives back more than the cap allows: somebody else decides it on a phone, and it arrives."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests import factories
from tests.browser.house import House, Office, sign_in
from tests.processor import ADDRESSES, make_owed
from tests.sandbox.control import eventually
from webapp.core import tenancy
from webapp.domain.organizations import Chapter, Login, RoleName
from webapp.web import paying

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@dataclass(frozen=True)
class Paid:
    """An invoice of 400.00 that a card has paid, and the addresses of who deals with it."""

    address: str
    treasurer: str
    admin: str
    member: str


@pytest.fixture
def paid(house: House, office: Office) -> Paid:
    with house.app.app_context(), tenancy.acting_for(office.organization_id):
        chapter = factories.make_chapter()
        treasurer, payer = factories.make_login("Wendy Taylor"), factories.make_login("Kim Payer")
        factories.make_role(treasurer, RoleName.TREASURER, chapter=chapter)
        address = pay_for(house, chapter, payer)
        return Paid(address, str(treasurer.email), office.admin, str(payer.email))


def pay_for(house: House, chapter: Chapter, payer: Login) -> str:
    """Where treasurers find the invoice of this person, once the payment is in the books."""
    member = factories.make_member(
        chapter, factories.make_status("billed"), email=payer.email, login_id=payer.id, first_name="Kim"
    )
    factories.make_role(payer, RoleName.MEMBER, member=member)
    invoice = make_owed(member)
    checkout = paying.open_checkout(invoice.id, ADDRESSES)
    assert checkout.url is not None
    house.sandbox.pay(checkout.url, "refund_pending")
    eventually(lambda: house.has_mailed(str(payer.email), "Receipt: $400.00"), seconds=20)
    return str(invoice.id)


def ask(page: Page, invoice: str) -> None:
    """60.00 with a cap of 50.00: said before it is asked for, and then it waits."""
    page.goto(invoice)
    page.get_by_role("link", name="Refund…").click()
    page.get_by_label("Amount", exact=True).fill("60")
    page.get_by_label("Reason").fill("Left the chapter in October")
    page.get_by_role("button", name="Show what it does").click()
    expect(page.locator("#preview")).to_contain_text("This is above what you may refund alone")
    page.get_by_role("button", name="Ask to refund $60.00").click()
    expect(page.locator("main")).to_contain_text("It waits for approval; no money has moved")


def approve(page: Page, link: str) -> None:
    """Opening the link decides nothing, however often; the button does."""
    for _ in range(2):
        page.goto(link)
        expect(page.get_by_role("button", name="Approve $60.00")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    page.get_by_role("button", name="Approve $60.00").click()
    expect(page.locator("main")).to_contain_text(": approved.")


def test_sixty_with_a_cap_of_fifty_is_approved_on_a_phone_and_arrives(
    house: House, office: Office, paid: Paid, visitors: Callable[..., BrowserContext]
) -> None:
    treasurer, admin, member = (visitors(**options).new_page() for options in ({}, PHONE, {}))
    sign_in(treasurer, house, paid.treasurer)
    sign_in(admin, house, paid.admin)
    sign_in(member, house, paid.member)
    here = f"{house.url}/o/{office.slug}"

    ask(treasurer, f"{here}/chapters/ALP/invoices/{paid.address}")
    eventually(lambda: house.has_mailed(paid.admin, "waits for your decision"), seconds=20)
    approve(admin, house.link_in_mail_to(paid.admin, "approvals"))

    eventually(lambda: house.has_mailed(paid.member, "Your refund of $60.00 is on its way"), seconds=20)
    member.goto(f"{here}/my/invoices/{paid.address}")
    expect(member.locator("main")).to_contain_text("Refund under way $60.00")

    house.sandbox.act(house.sandbox.objects("refund")[0]["id"], "settlement")

    eventually(lambda: house.has_mailed(paid.member, "$60.00 refunded to you"), seconds=20)
    member.reload()
    expect(member.locator("main")).to_contain_text("Given back to the payer")
    expect(member.locator("main")).to_contain_text("Refunded $60.00")
    treasurer.reload()
    expect(treasurer.locator("main")).to_contain_text("Refunded $60.00")
