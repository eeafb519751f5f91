"""Signing in as people do it: set up a second step, come back with it, and confirm what matters."""

import re
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import PASSWORD, House, Office

pytestmark = pytest.mark.browser


@pytest.fixture
def device(scripted: BrowserContext) -> Iterator[Page]:
    """A page of a browser with a fingerprint sensor, whose owner is always there."""
    page = scripted.new_page()
    tools = scripted.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    told: dict[str, Any] = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": told})
    yield page


def give_password(page: Page, house: House, office: Office) -> None:
    page.goto(f"{house.url}/")
    page.get_by_label("Email address").fill(office.admin)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_new_admin_adds_a_passkey_and_comes_back_without_typing(
    house: House, office: Office, device: Page
) -> None:
    give_password(device, house, office)
    expect(device.get_by_role("heading", name="Two-step sign-in")).to_be_visible()
    expect(device.get_by_text("One more step before you can go on")).to_be_visible()

    device.get_by_role("link", name="Add a passkey").click()
    device.get_by_label("Name").fill("My laptop")
    device.get_by_role("button", name="Add the passkey").click()
    expect(device.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    expect(device.get_by_role("list", name="Recovery codes").get_by_role("listitem")).to_have_count(10)
    with device.expect_download() as saved:
        device.get_by_role("link", name="Save as a text file").click()
    assert len(re.findall(r"\d-\w{5}-\w{5}", saved.value.path().read_text())) == 10
    device.get_by_role("link", name="I have kept them, go on").click()
    device.wait_for_url("**/national/")

    device.goto(f"{house.url}/account/")
    device.get_by_role("button", name="Sign out", exact=True).click()
    device.get_by_role("button", name="Sign in with a passkey").click()
    device.wait_for_url("**/national/")


def test_a_browser_without_the_passkey_says_so_and_leaves_the_other_ways(
    house: House, office: Office, device: Page
) -> None:
    device.goto(f"{house.url}/")
    device.get_by_role("button", name="Sign in with a passkey").click()

    expect(device.get_by_role("alert")).to_contain_text("No passkey was used")
    give_password(device, house, office)
    expect(device.get_by_role("heading", name="Two-step sign-in")).to_be_visible()


def test_an_app_is_set_up_and_asked_for_with_and_without_script(
    house: House, office: Office, surfing: BrowserContext
) -> None:
    page = surfing.new_page()
    give_password(page, house, office)
    page.get_by_role("button", name="Set up an app").click()
    secret = page.locator(".code").inner_text().replace(" ", "")
    app = pyotp.TOTP(secret)
    page.get_by_label("The six digits it shows").fill(app.now())
    page.get_by_role("button", name="Check the code").click()
    codes = page.get_by_role("list", name="Recovery codes").get_by_role("listitem").all_inner_texts()
    page.get_by_role("link", name="I have kept them, go on").click()
    page.wait_for_url("**/national/")

    page.goto(f"{house.url}/account/")
    page.get_by_role("button", name="Sign out", exact=True).click()
    give_password(page, house, office)
    expect(page.get_by_role("heading", name="The second step")).to_be_visible()
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/national/")
    expect(page.get_by_text("You have 9 recovery codes left")).to_be_visible()
