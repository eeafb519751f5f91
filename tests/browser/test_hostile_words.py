"""Where every text was written by an attacker, a real browser runs nothing and complains about nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog

from tests.browser.house import House, listen, open_house, sign_in
from tests.services import Database, Services
from tests.web.hostile import MARK, sow
from tests.web.world import ADMIN, MEMBER, World, make_world

pytestmark = pytest.mark.browser

OFFICE_PAGES = [
    "national.home", "national.invoices", "national.invoice", "national.payment", "national.people",
    "national.members", "national.member", "national.roster_import", "national.organization_settings",
    "national.rates", "national.schedules", "national.billing_run", "national.processor", "national.journal",
    "national.audit_trail", "national.mails", "national.working", "treasurers.home", "treasurers.ledger",
]  # fmt: skip
MEMBER_PAGES = ["members.home", "members.invoice", "members.pay", "visitors.pay"]


@pytest.fixture(scope="module")
def sown_house(
    services: Services, template_database: Database, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[House, World, dict[str, str]]]:
    """A house of its own, because nothing in it can be read any more afterwards."""
    database = services.create_database("hostile", template_database)
    with open_house(database, redis_url, tmp_path_factory.mktemp("hostile")) as house:
        with house.app.app_context():
            world = make_world("Theta Nu")
            people = {who: str(world.logins[who].email) for who in (ADMIN, MEMBER)}
        sow(database, but=frozenset({"logins.email"}))
        yield house, world, people
    services.drop_database(database)


@pytest.mark.case("A6")
@pytest.mark.parametrize(("who", "endpoints"), [(ADMIN, OFFICE_PAGES), (MEMBER, MEMBER_PAGES)])
def test_no_text_opens_a_dialog_or_breaks_the_content_policy(
    browser: Browser, sown_house: Any, who: str, endpoints: list[str]
) -> None:
    house, world, people = sown_house
    heard: list[str] = []
    context = browser.new_context()
    page = listen(context.new_page(), heard)
    sign_in(page, house, people[who])

    def dialog(opened: Dialog) -> None:
        heard.append(f"a dialog: {opened.message}")
        opened.dismiss()

    page.on("dialog", dialog)
    rules = {rule.endpoint: rule for rule in house.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    shown = 0
    for endpoint in endpoints:
        page.goto(house.url + world.address(rules[endpoint]))
        shown += MARK in page.content()
        assert page.locator(MARK).count() == 0, endpoint
        assert page.locator(f"[{MARK}]").count() == 0, endpoint
    context.close()
    assert heard == []
    assert shown >= len(endpoints) - 3
