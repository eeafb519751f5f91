"""A member saves a card on the processor's page, agrees to autopay, and the night collects what is due."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests import factories
from tests.browser.house import House, Office, chapter_people, sign_in
from tests.sandbox.control import eventually
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.core.jobs import Job, later
from webapp.domain.organizations import Organization
from webapp.domain.plans import answering, proposing
from webapp.domain.plans.plan import PaymentPlan
from webapp.domain.plans.proposing import Wish
from webapp.domain.plans.terms import Terms

pytestmark = pytest.mark.browser


def kept_plan(house: House, office: Office) -> str:
    """A member who pays 400.00 in parts, 100.00 of it today; the address to sign in with."""
    with house.app.app_context(), tenancy.acting_for(office.organization_id):
        _, treasurer, kim, member = chapter_people()
        invoice = factories.make_invoice(40_000, member=member)
        with transaction() as session:
            today = session.get_one(Organization, office.organization_id).today
            terms = Terms(starts_on=today, payment_day=31, installments=3, down_payment=10_000)
            wish = Wish([invoice.id], terms)
            plan = proposing.propose(member, wish, as_member=False, by=treasurer, on=today)
        with transaction():
            held = PaymentPlan.here().get(plan.id, lock=True)
            answering.accept(held, as_member=True, by=kim, on=today)
        return str(kim.email)


def night_passes(house: House, office: Office) -> None:
    with house.app.app_context(), tenancy.acting_for(office.organization_id), transaction() as session:
        later(Job.DAILY, day=session.get_one(Organization, office.organization_id).today)


def test_a_saved_card_pays_an_installment_by_itself(
    house: House, office: Office, visitors: Callable[..., BrowserContext]
) -> None:
    kim, here = visitors().new_page(), f"{house.url}/o/{office.slug}/my/"
    sign_in(kim, house, kept_plan(house, office))
    kim.goto(f"{here}payment-methods/")
    kim.get_by_role("button", name="Add a card or bank account").click()
    kim.get_by_label("Payment succeeds", exact=False).first.check()
    kim.get_by_role("button", name="Save").click()
    expect(kim.locator("main")).to_contain_text("Visa ending 4242 is saved")

    kim.goto(here)
    kim.get_by_role("link", name="Have it collected by autopay").click()
    kim.get_by_label("Visa ending 4242").check()
    kim.get_by_role("button", name="I agree: turn autopay on").click()
    expect(kim.locator("main")).to_contain_text("It is collected from Visa ending 4242")
    night_passes(house, office)

    def is_collected() -> bool:
        kim.goto(here)
        return "$300.00 left" in kim.locator("main").inner_text()

    eventually(is_collected, seconds=20)
    expect(kim.locator("main")).to_contain_text("It is collected from Visa ending 4242 on")
    kim.get_by_role("link", name="See it").first.click()
    expect(kim.get_by_role("row", name="Down payment")).to_contain_text("Paid")
