"""Every page there is, read by axe: each once at a desk in light and once on a phone in the dark.

A page that two roles see is looked at by one of them at the desk and by the other on the phone.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.house import House, sign_in
from tests.browser.test_look import AXE, violations
from tests.web.world import ADMIN, ANYBODY, AUDITOR, MEMBER, TREASURER, World, make_world, rules
from webapp.core.db import db

pytestmark = pytest.mark.browser

DESK, PHONE = (1280, "light"), (360, "dark")
READERS = {
    DESK: {
        ADMIN: ("national", "approvals", "account"), TREASURER: ("treasurers",), MEMBER: ("members",),
        ANYBODY: ("visitors", "public"),
    },
    PHONE: {
        AUDITOR: ("national", "treasurers"), ADMIN: ("account",), MEMBER: ("members",),
        ANYBODY: ("visitors", "public"),
    },
}  # fmt: skip
FILES = ("pdf", ".csv", ".png", "document", "journal_export", "kept_mail", "mailbox")
"""Addresses that give no page of ours."""


@pytest.fixture(scope="module")
def furnished(house: House) -> World:
    with house.app.app_context():
        return make_world("Kappa Rho")


@pytest.fixture(scope="module")
def emails(house: House, furnished: World) -> dict[str, str]:
    with house.app.app_context():
        return {who: str(db.session.merge(login).email) for who, login in furnished.logins.items()}


def pages(house: House, world: World, *blueprints: str) -> Iterator[str]:
    for rule in rules(house.app, "GET", *blueprints):
        if not any(name in f"{rule.endpoint} {rule.rule}" for name in FILES):
            yield house.url + world.address(rule)


def faults(page: Page) -> list[str]:
    return [f"{fault['id']} {[node['target'] for node in fault['nodes']][:3]}" for fault in violations(page)]


@pytest.mark.parametrize("view", [DESK, PHONE], ids=["desk in light", "phone in the dark"])
def test_axe_finds_nothing_on_any_page(
    browser: Browser, house: House, furnished: World, emails: dict[str, str], view: tuple[int, str]
) -> None:
    found, looked_at = [], 0
    for who, blueprints in READERS[view].items():
        context = browser.new_context(
            viewport={"width": view[0], "height": 800},
            color_scheme=view[1],
            bypass_csp=True,  # type: ignore[arg-type]
        )
        context.add_init_script(path=AXE)
        page = context.new_page()
        if who != ANYBODY:
            sign_in(page, house, emails[who])
        for address in pages(house, furnished, *blueprints):
            page.goto(address)
            looked_at += 1
            found += [f"{address}: {fault}" for fault in faults(page)]
        context.close()
    assert sorted(set(found)) == []
    assert looked_at >= 60
