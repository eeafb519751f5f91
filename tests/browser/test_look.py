"""Pages as people see them: readable for everybody, on any screen, and without a complaint in the console."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.house import PASSWORD, House, listen, sign_in
from tests.web.world import ADMIN, MEMBER, World, make_world
from webapp.core.db import db, transaction

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
OFFICE_PAGES = [
    "national.home", "national.invoices", "national.invoice", "national.new_voiding", "national.payments",
    "national.payment", "national.people", "national.new_invitation", "national.members", "national.member",
    "national.imports", "national.settings", "national.dues_settings", "national.rates", "national.periods",
    "national.schedules", "national.billing_runs", "national.preview_billing_run", "national.billing_run",
    "national.processors", "national.processor", "national.trial_balance", "national.journal",
    "national.journal_entry", "national.audit_trail", "national.webhook_log", "national.tokens",
    "national.mails", "treasurers.home", "treasurers.invoices", "treasurers.ledger",
    "treasurers.roster_import", "treasurers.payments", "treasurers.new_payment",
    "treasurers.receipt_batches", "treasurers.receipt_batch", "treasurers.check_receipt_batch",
    "national.new_reversal", "account.show", "account.second_factor",
    "account.new_passkey", "account.passkey",
    "national.new_second_factor_reset", "national.closed_books", "national.confirm_reopening",
    "treasurers.bulk_actions", "treasurers.bulk_action",
]  # fmt: skip
BUSIEST = {
    "national.home", "national.invoices", "national.invoice", "national.billing_run",
    "national.dues_settings", "treasurers.home", "treasurers.ledger", "treasurers.roster_import",
}  # fmt: skip
"""Looked at in each view; the others as narrow as it gets."""
MEMBER_PAGES = ["members.home", "members.invoice", "members.pay", "members.ledger", "visitors.pay"]
ANYBODYS_PAGES = [
    "public.sign_in",
    "public.ask_password_reset",
    "public.ask_sign_in_link",
    "visitors.pay",
    "visitors.invitation",
]
VIEWS = [(1280, "dark"), (360, "light")]
"""Those that test_accessibility.py does not go through all pages in."""


@pytest.fixture(scope="module")
def furnished(house: House) -> World:
    with house.app.app_context():
        world = make_world("Theta Nu")
        with transaction():
            for login in (world.logins[ADMIN], world.logins[MEMBER]):
                db.session.merge(login).choose_password(PASSWORD)
    return world


@pytest.fixture(params=VIEWS, ids=lambda view: f"{view[0]} {view[1]}")
def view(request: pytest.FixtureRequest) -> tuple[int, str]:
    return request.param  # type: ignore[no-any-return]


def addresses(house: House, world: World, endpoints: list[str]) -> list[str]:
    rules = {rule.endpoint: rule for rule in house.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    return [house.url + world.address(rules[name]) for name in endpoints]


@pytest.fixture
def visit(browser: Browser, house: House, furnished: World) -> Iterator[Any]:
    """Goes through all pages at a width and in a scheme; console and content policy stay silent."""
    opened = []
    heard: list[str] = []

    def go(width: int, scheme: str, *, bypass_csp: bool = False) -> Iterator[Page]:
        office = [name for name in OFFICE_PAGES if width == 320 or name in BUSIEST]
        groups = [(None, ANYBODYS_PAGES), (ADMIN, office), (MEMBER, MEMBER_PAGES)]
        for who, endpoints in groups:
            context = browser.new_context(
                viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=bypass_csp
            )
            opened.append(context)
            page = listen(context.new_page(), heard)
            if who is not None:
                sign_in(page, house, str(furnished.logins[who].email))
            for address in addresses(house, furnished, endpoints):
                page.goto(address)
                yield page

    yield go
    for context in opened:
        context.close()
    assert heard == []


def violations(page: Page) -> list[dict[str, Any]]:
    """What axe, which is there already, finds on the page; the long list of what is right stays there."""
    asked = "() => axe.run(document, {resultTypes: ['violations']}).then(told => told.violations)"
    return page.evaluate(asked)  # type: ignore[no-any-return]


def test_axe_finds_nothing_on_any_main_page(visit: Any, view: tuple[int, str]) -> None:
    found = []
    for page in visit(*view, bypass_csp=True):
        page.evaluate(AXE.read_text())
        found += [
            f"{page.url}: {fault['id']} {[node['target'] for node in fault['nodes']][:3]}"
            for fault in violations(page)
        ]
    assert found == []


def test_nothing_scrolls_sideways_on_the_smallest_phone(visit: Any) -> None:
    wide = []
    for page in visit(320, "light"):
        over = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        if over > 0:
            wide.append(f"{page.url}: {over} px")
    assert wide == []
