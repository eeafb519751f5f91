"""The next person at the same computer."""

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.house import House, Office, sign_in

pytestmark = pytest.mark.browser


def leave(page: Page) -> None:
    page.locator("header details.menu > summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Email address").wait_for()
    page.wait_for_load_state()  # its script writes its own address over that of the page before


def is_private(page: Page, office: Office) -> bool:
    return office.admin in page.content() or "National office" in page.content()


@pytest.mark.case("A17")
def test_going_back_after_signing_out_shows_nothing_private(
    house: House, office: Office, surfing: BrowserContext
) -> None:
    page = surfing.new_page()
    sign_in(page, house, office.admin)
    for name in ("people", "members", "settings/organization"):
        page.goto(f"{house.url}/o/{office.slug}/national/{name}/")
    assert is_private(page, office)
    leave(page)

    for _ in range(4):
        page.go_back()
        page.wait_for_load_state()
        assert not is_private(page, office)


@pytest.mark.case("A17")
def test_no_snapshot_of_a_page_is_kept_in_the_browser(
    house: House, office: Office, scripted: BrowserContext
) -> None:
    page = scripted.new_page()
    sign_in(page, house, office.admin)
    page.goto(f"{house.url}/o/{office.slug}/national/invoices/")
    page.locator("main form[role=search] input, main input[type=search]").first.fill("nobody")
    page.wait_for_timeout(1_000)
    leave(page)

    kept = page.evaluate(
        "async () => JSON.stringify([{...localStorage}, {...sessionStorage},"
        " (await indexedDB.databases()).map((one) => one.name), await caches.keys()])"
    )
    assert office.slug not in kept and office.admin not in kept
    assert "htmx-history-cache" not in kept
    assert [cookie["name"] for cookie in scripted.cookies()] in ([], ["duesbook"])
    assert page.evaluate("() => document.cookie") == ""
