"""Three invoices become one plan with a down payment; two are paid, the third is missed, it ends."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests import factories
from tests.browser.house import House, Office, chapter_people, sign_in
from tests.sandbox.control import eventually
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.core.jobs import Job, later
from webapp.domain.organizations import Organization
from webapp.domain.plans.plan import Installment, PaymentPlan, PlanState

pytestmark = pytest.mark.browser


class Desk:
    """A treasurer, and a member who owes three invoices since a while."""

    def __init__(self, house: House, office: Office) -> None:
        self.house, self.office = house, office
        with house.app.app_context(), tenancy.acting_for(office.organization_id):
            chapter, treasurer, kim, member = chapter_people()
            for amount in (40_000, 30_000, 10_000):
                factories.make_invoice(amount, member=member)
            self.treasurer, self.kim = str(treasurer.email), str(kim.email)
            self.here = f"{house.url}/o/{office.slug}"
            self.chapter = f"{self.here}/chapters/{chapter.code}"
            self.member = f"{self.chapter}/members/{member.id}/"

    def day_passes(self, day: date) -> None:
        with self.house.app.app_context(), tenancy.acting_for(self.office.organization_id), transaction():
            later(Job.DAILY, day=day)

    def state(self) -> PlanState:
        with self.house.app.app_context(), tenancy.acting_for(self.office.organization_id):
            [plan] = PaymentPlan.here().all()
            return plan.state

    def due(self, position: int) -> date:
        with self.house.app.app_context(), tenancy.acting_for(self.office.organization_id):
            found = Installment.here().first(Installment.position == position)
            assert found is not None
            return found.due_on

    def today(self) -> date:
        with self.house.app.app_context(), tenancy.acting_for(self.office.organization_id):
            organization = Organization.by_slug(self.office.slug)
            assert organization is not None
            return organization.today


def propose(page: Page, desk: Desk) -> None:
    page.goto(desk.member)
    page.get_by_role("link", name="Payment plan…").click()
    page.get_by_label("Down payment").fill("200")
    page.get_by_label("Number of installments").fill("3")
    page.get_by_label("Payment day of the month").fill(str((desk.today() - timedelta(days=1)).day))
    page.get_by_role("button", name="Show the schedule").click()
    expect(page.locator("#schedule")).to_contain_text("Installment 3")
    page.get_by_role("button", name="Propose this plan").click()
    expect(page.locator("main")).to_contain_text("Waits for an answer")


def pay_next(page: Page, desk: Desk, left: str) -> None:
    page.goto(f"{desk.here}/my/")
    page.get_by_role("button", name="Pay this installment").click()
    page.get_by_label("Payment succeeds", exact=False).first.check()
    page.get_by_role("button", name="Pay").click()
    page.wait_for_url(f"{desk.house.url}/**")

    def is_counted() -> bool:
        page.goto(f"{desk.here}/my/")
        return f"{left} left" in page.locator("main").inner_text()

    eventually(is_counted, seconds=20)


def test_a_plan_is_agreed_paid_twice_and_missed_once(
    house: House, office: Office, visitors: Callable[..., BrowserContext]
) -> None:
    desk = Desk(house, office)
    treasurer, kim = visitors().new_page(), visitors().new_page()
    sign_in(treasurer, house, desk.treasurer)
    propose(treasurer, desk)
    sign_in(kim, house, desk.kim)
    kim.get_by_role("link", name="Look at the schedule and answer").click()
    kim.get_by_role("button", name="Accept this plan").click()
    expect(kim.locator("main")).to_contain_text("The plan is agreed")

    for left in ("$600.00", "$400.00"):
        pay_next(kim, desk, left)
    desk.day_passes(desk.due(2) + timedelta(days=11))

    eventually(lambda: desk.state() is PlanState.DEFAULTED, seconds=20)
    eventually(lambda: house.has_mailed(desk.kim, "The payment plan was not kept"), seconds=20)
    kim.goto(f"{desk.here}/my/")
    expect(kim.locator("main")).to_contain_text("Not kept")
    treasurer.goto(f"{desk.chapter}/")
    expect(treasurer.locator("main")).to_contain_text("$450.00")
