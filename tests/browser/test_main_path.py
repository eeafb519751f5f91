"""From a roster to a paid invoice, as people do it in a browser."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import House, Office, sign_in
from tests.sandbox.control import eventually

pytestmark = pytest.mark.browser

PEOPLE = ["Ana Núñez", "Ben Okafor", "Chloé Martin", "Dan Smith", "Eve Larsen", "Finn O'Hara"]


def roster(office: Office, folder: Path) -> Path:
    lines = ["member_number,first_name,last_name,email,chapter_code,chapter_name,status"]
    for number, name in enumerate(PEOPLE):
        first, last = name.split(" ", 1)
        address = mail_address(office, number)
        lines.append(f"P{number:04d},{first},{last},{address},ALP,Alpha Chapter,undergraduate")
    file = folder / "roster.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def mail_address(office: Office, number: int) -> str:
    return f"{office.slug}-{number}@members.example.org"


def import_roster(page: Page, house: House, office: Office, folder: Path) -> None:
    page.goto(f"{house.url}/o/{office.slug}/national/imports/")
    page.get_by_label("CSV file").set_input_files(roster(office, folder))
    page.get_by_role("button", name="Upload and look at it").click()
    page.get_by_role("button", name="Check the file").click()
    page.get_by_role("button", name="Import 6 rows").click()
    wait_for(page, "Imported")


def set_dues(page: Page, house: House, office: Office) -> None:
    page.goto(f"{house.url}/o/{office.slug}/national/dues-settings/")
    page.get_by_label("Usual amount").fill("400.00")
    page.get_by_label("Due after").fill("150")
    page.get_by_role("button", name="Save").click()
    page.goto(f"{house.url}/o/{office.slug}/national/periods/")
    page.get_by_role("button", name="Make the periods").click()


def bill(page: Page, house: House, office: Office) -> None:
    page.goto(f"{house.url}/o/{office.slug}/national/billing-runs/")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("main")).to_contain_text("$2,400.00")
    page.locator("main form[method=post] button.first").click()
    wait_for(page, "Finished")


def wait_for(page: Page, text: str) -> None:
    """A page that keeps itself up to date, or is asked again by a person who has no script."""
    for _ in range(60):
        if text.lower() in page.locator("main").inner_text().lower():
            return
        page.wait_for_timeout(250)
        page.reload()
    raise AssertionError(f"“{text}” did not come up on {page.url}: {page.locator('main').inner_text()}")


def billed(context: BrowserContext, house: House, office: Office, folder: Path) -> Page:
    page = context.new_page()
    sign_in(page, house, office.admin)
    import_roster(page, house, office, folder)
    set_dues(page, house, office)
    bill(page, house, office)
    return page


def link_of(house: House, recipient: str) -> str:
    eventually(lambda: has_mail(house, recipient), seconds=20)
    return house.link_in_mail_to(recipient)


def has_mail(house: House, recipient: str) -> bool:
    try:
        return bool(house.mail_to(recipient))
    except AssertionError:
        return False


def pay_there(page: Page, label: str) -> None:
    page.get_by_label(label, exact=False).first.check()
    page.get_by_role("button", name="Pay").click()


@pytest.mark.case("K4")
def test_a_roster_becomes_invoices_and_an_invoice_is_paid(
    house: House, office: Office, surfing: BrowserContext, tmp_path: Path
) -> None:
    staff = billed(surfing, house, office, tmp_path)

    member = surfing.new_page()
    member.goto(link_of(house, mail_address(office, 0)))
    expect(member.locator("h1")).to_contain_text("$400.00")
    member.get_by_role("button", name="Pay $400.00").click()
    pay_there(member, "Payment succeeds")
    wait_for(member, "We have received $400.00")

    staff.goto(f"{house.url}/o/{office.slug}/chapters/ALP/invoices/?status=paid")
    expect(staff.locator("main")).to_contain_text("Núñez")
    staff.goto(f"{house.url}/o/{office.slug}/chapters/ALP/ledger/")
    expect(staff.locator("main")).to_contain_text("$400.00")
    expect(staff.locator("main")).to_contain_text("payment", ignore_case=True)


@pytest.fixture
def owing(house: House, office: Office, scripted: BrowserContext) -> Page:
    """Somebody who owes 400.00 has opened the link."""
    member = scripted.new_page()
    member.goto(house.invoice_link(office, 400_00))
    return member


@pytest.mark.case("K18")
def test_after_a_decline_another_card_pays(owing: Page) -> None:
    owing.get_by_role("button", name="Pay $400.00").click()
    pay_there(owing, "Declined: insufficient funds")
    expect(owing.get_by_role("alert")).to_contain_text("insufficient funds")
    pay_there(owing, "Payment succeeds")

    wait_for(owing, "We have received $400.00")


def test_a_bank_debit_is_under_way_until_it_settles(house: House, owing: Page) -> None:
    link = owing.url
    owing.get_by_role("button", name="Pay $400.00").click()
    pay_there(owing, "Stays under way")
    wait_for(owing, "under way")
    owing.goto(link)
    expect(owing.locator("main")).to_contain_text("under way")
    expect(owing.get_by_role("button", name="Pay $400.00")).to_have_count(0)

    house.sandbox.act(house.sandbox.objects("payment_intent")[0]["id"], "settlement")

    wait_for(owing, "Nothing is owed")


@pytest.mark.case("K4", "F13")
def test_a_double_click_on_pay_opens_one_checkout(house: House, owing: Page) -> None:
    before = len(house.sandbox.objects("checkout.session"))

    owing.get_by_role("button", name="Pay $400.00").dblclick()
    owing.get_by_text("Test bank account").wait_for()

    assert len(house.sandbox.objects("checkout.session")) == before + 1
