"""A treasurer records a stack of checks with one mistake in it, and corrects it."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests import factories
from tests.browser.house import House, Office, sign_in
from tests.processor import make_owed
from webapp.core import tenancy
from webapp.domain.organizations import RoleName

pytestmark = pytest.mark.browser

CHECKS = 10


@pytest.fixture
def treasurer(house: House, office: Office) -> str:
    """The address of the treasurer of a chapter whose members C1 to C10 owe 40.00 each."""
    with house.app.app_context(), tenancy.acting_for(office.organization_id):
        chapter, status = factories.make_chapter(), factories.make_status("billed")
        for number in range(1, CHECKS + 1):
            member = factories.make_member(
                chapter, status, number=f"C{number}", first_name="Kim", last_name=f"Check {number}"
            )
            make_owed(member, 4_000)
        login = factories.make_login("Wendy Taylor")
        factories.make_role(login, RoleName.TREASURER, chapter=chapter)
    return str(login.email)


def type_checks(page: Page) -> None:
    """By keyboard, from field to field; the third is written for the fourth member, who pays twice then."""
    for number in range(1, CHECKS + 1):
        meant = 4 if number == 3 else number
        page.get_by_label(f"Member, line {number}", exact=True).focus()
        for text in (f"C{meant}", "40.00", f"10{number:02d}"):
            page.keyboard.type(text)
            page.keyboard.press("Tab")


def test_a_batch_of_ten_checks_with_one_mistake(
    surfing: BrowserContext, house: House, office: Office, treasurer: str
) -> None:
    page = surfing.new_page()
    sign_in(page, house, treasurer)
    payments = f"{house.url}/o/{office.slug}/chapters/ALP/payments"
    page.goto(f"{payments}/batches/")
    page.get_by_role("button", name="Begin").click()
    page.get_by_label("Deposit reference").fill("D-2026-09")
    page.get_by_label("How many, by the slip").fill("10")
    page.get_by_label("Total, by the slip").fill("410")
    type_checks(page)
    page.get_by_role("button", name="Check and post").click()
    expect(page.locator("main")).to_contain_text("The slip says $410.00 and the lines come to $400.00")
    page.get_by_role("link", name="Back to the lines").click()
    page.get_by_label("Total, by the slip").fill("400")
    page.get_by_role("button", name="Check and post").click()
    expect(page.locator("main")).to_contain_text("Kept as credit")
    page.get_by_role("button", name="Post 10 payments, $400.00").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Deposit D-2026-09")
    correct(page, payments)


def correct(page: Page, payments: str) -> None:
    """The third line is taken back and recorded for whom it was; the deposit still says what happened."""
    page.get_by_role("link", name="Reverse line 3").click()
    page.get_by_label("Reason").fill("The check was from member C3")
    page.get_by_role("button", name="Reverse $40.00").click()
    expect(page.locator("main")).to_contain_text("Reversed: it was recorded by mistake")
    page.get_by_role("link", name="Record it rightly").click()
    page.get_by_label("Who paid").fill("C3")
    page.get_by_label("Amount", exact=True).fill("40")
    page.get_by_role("button", name="Show what it settles").click()
    expect(page.locator("main")).to_contain_text("Kim Check 3")
    page.get_by_role("button", name="Record $40.00").click()
    expect(page.locator("main")).to_contain_text(re.compile("Received.*1003", re.DOTALL))
    page.goto(f"{payments}/?q=D-2026-09&state=reversed")
    expect(page.locator("#payment-rows tr")).to_have_count(1)
