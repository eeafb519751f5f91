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
    "national.adjustment", "national.aging", "national.approval_policy", "national.bulk_action",
    "national.chapter_health", "national.check_receipt_batch", "national.collections", "national.credit_note",
    "national.dispute", "national.edit_member", "national.failed_refunds", "national.letters",
    "national.member_statement", "national.new_refund", "national.payment_plan", "national.receipt_batch",
    "national.rows_to_correct", "national.reminder_text", "national.reminders", "national.snapshot",
    "national.tokens", "approvals.queue", "approvals.request", "account.show", "account.second_factor",
]  # fmt: skip
MEMBER_PAGES = [
    "members.home", "members.invoice", "members.pay", "visitors.pay", "visitors.invitation",
    "members.credit_note", "members.hardship", "members.ledger", "members.payment_methods",
    "members.payment_plan", "members.statement", "account.show",
]  # fmt: skip


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
    bare = []
    for endpoint in endpoints:
        told = page.goto(house.url + world.address(rules[endpoint]))
        assert told is not None and told.status == 200, endpoint
        if MARK not in page.content():
            bare.append(endpoint)
        assert page.locator(MARK).count() == 0, endpoint
        assert page.locator(f"[{MARK}]").count() == 0, endpoint
    context.close()
    assert heard == []
    assert bare == []
