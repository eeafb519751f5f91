"""Twenty impatient clicks on a button that moves money: one effect, and everybody sees its page."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests import factories
from tests.processor import TODAY, Shop
from tests.web import reading
from webapp import wiring
from webapp.core.db import db, new_id, transaction
from webapp.domain.approvals import Action
from webapp.domain.billing import pay_link
from webapp.domain.billing.adjustments import Adjustment
from webapp.domain.billing.preview import preview
from webapp.domain.billing.run import BillingRun, RunState
from webapp.domain.ledger.journal import JournalEntry
from webapp.domain.organizations import Login, Member, RoleName, tokens
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.payment import Allocation, Payment
from webapp.domain.refunds.refund import Refund

CLICKS = 20
MONEY = [JournalEntry, Payment, Allocation, Checkout, BillingRun, Refund, Adjustment]


@dataclass(frozen=True)
class Button:
    """Where it sends what, the rows it makes, and what else could be sent with the same key."""

    address: str
    body: dict[str, Any]
    makes: dict[type, int]
    other: dict[str, Any] | None = None
    token: str = ""

    def press(self, client: FlaskClient, body: dict[str, Any] | None = None) -> TestResponse:
        sent = self.body if body is None else body
        if self.token:
            headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": "the-same"}
            return client.post(self.address, json=sent, headers=headers)
        return client.post(self.address, data=sent | {"form_key": "the-same"})


def national(shop: Shop, path: str) -> str:
    return f"/o/{shop.organization.slug}/national/{path}"


def a_voiding(shop: Shop) -> Button:
    address = national(shop, f"invoices/{shop.owed().id}/voiding")
    return Button(address, {"reason": "Billed in error"}, {JournalEntry: 1}, {"reason": "Another reason"})


def a_billing_run(shop: Shop) -> Button:
    period, schedule = factories.make_period(), factories.standard_schedule()
    shown = preview(shop.organization, schedule, period, dated=shop.organization.today)
    body = {"schedule": str(schedule.id), "period": str(period.id), "seen": str(shown.summary)}
    return Button(national(shop, "billing-runs/"), body, {BillingRun: 1}, body | {"period": str(new_id())})


def an_undoing(shop: Shop) -> Button:
    status = factories.make_status("pledge")
    factories.make_member(factories.make_chapter("BET", "Beta"), status)
    factories.make_rate(status, 5_000)
    run = factories.bill(factories.make_period())
    address = national(shop, f"billing-runs/{run.id}/undoing")
    return Button(address, {"reason": "Wrong period"}, {}, {"reason": "Another reason"})


def a_fee_by_hand(shop: Shop) -> Button:
    shop.sandbox.settings(fee_delay=None)
    payment = shop.paid(shop.owed())
    body = {"fee": "11.90", "reason": "Read in the dashboard"}
    return Button(
        national(shop, f"payments/{payment.id}/fee"),
        body,
        {JournalEntry: 1, Allocation: 1},
        body | {"fee": "1.19"},
    )


def a_refund(shop: Shop) -> Button:
    invoice = shop.owed()
    payment = shop.paid(invoice)
    body = {"payment": str(payment.id), "amount": "20.00", "how": "original", "afterwards": "settled"}
    address = national(shop, f"invoices/{invoice.id}/refund")
    said = {"reason": "Left the chapter"}
    return Button(address, body | said, {Refund: 1}, body | said | {"amount": "30.00"})


def an_adjustment(shop: Shop) -> Button:
    invoice = shop.owed()
    factories.allow_alone(RoleName.NATIONAL_ADMIN, Action.ADJUSTMENT, 5_000)
    body = {"what": "waiver.lowers", "amount": "20.00", "reason": "Helped with the roof"}
    address = national(shop, f"invoices/{invoice.id}/adjustments/")
    sent = body | {"seen": str(invoice.owed)}
    return Button(address, sent, {Adjustment: 1, JournalEntry: 1}, sent | {"amount": "30.00"})


def a_check_in_hand(shop: Shop) -> Button:
    shop.owed()
    address = national(shop, "payments/")
    typed = {"amount": "150.00", "method": "check", "on": f"{TODAY}", "order": "oldest", "reference": "77"}
    typed |= {"member": Member.here().get(shop.member_id).number}
    page = shop.client.get(f"{address}new", query_string=typed).text
    sent = reading.filled(page, lambda form: form.get("action") == address and form.get("method") == "post")
    makes = {Payment: 1, JournalEntry: 1, Allocation: 1}
    return Button(address, sent, makes, sent | {"reference": "78"})


def a_payment_by_link(shop: Shop) -> Button:
    token = pay_link.token(shop.owed(), wiring.settings().secret_key)
    address = f"/o/{shop.organization.slug}/pay/{token}/checkouts"
    return Button(address, {}, {Checkout: 1, Payment: 1})


def a_members_payment(shop: Shop) -> Button:
    address = f"/o/{shop.organization.slug}/my/invoices/{shop.owed().id}/pay/checkouts"
    return Button(address, {}, {Checkout: 1, Payment: 1})


def a_recorded_check(shop: Shop) -> Button:
    shop.owed()
    body = {"member_id": str(shop.member_id), "amount": 15_000, "method": "check"}
    makes = {Payment: 1, JournalEntry: 1, Allocation: 1}
    return Button(program(shop, "payments/"), body, makes, body | {"amount": 16_000}, token=bearer(shop))


def a_programs_checkout(shop: Shop) -> Button:
    return Button(f"/api/invoices/{shop.owed().id}/pay/", {}, {Checkout: 1, Payment: 1}, token=bearer(shop))


def a_programs_voiding(shop: Shop) -> Button:
    address = f"/api/invoices/{shop.owed().id}/void/"
    body, other = {"reason": "Billed in error"}, {"reason": "Another reason"}
    return Button(address, body, {JournalEntry: 1}, other, token=bearer(shop))


def program(shop: Shop, path: str) -> str:
    return f"/api/organizations/{shop.organization.id}/{path}"


def bearer(shop: Shop) -> str:
    with transaction():
        return tokens.create("Accounting", RoleName.NATIONAL_ADMIN, by=None)[1]


def rows() -> Counter[type]:
    db.session.rollback()
    return Counter({kind: len(kind.here().all()) for kind in MONEY})


BUTTONS = [
    a_voiding,
    a_billing_run,
    an_undoing,
    a_fee_by_hand,
    a_refund,
    an_adjustment,
    a_check_in_hand,
    a_payment_by_link,
    a_members_payment,
    a_recorded_check,
    a_programs_checkout,
    a_programs_voiding,
]


@pytest.fixture
def person(shop: Shop) -> Login:
    """Somebody who may press all of them."""
    login = factories.make_admin()
    factories.make_role(login, RoleName.MEMBER, member=Member.here().get(shop.member_id))
    return login


@pytest.mark.case("F13")
@pytest.mark.parametrize("made", BUTTONS, ids=lambda made: made.__name__)
def test_twenty_clicks_at_once_have_one_effect_and_one_answer(
    shop: Shop, person: Login, sign_in: Callable[[FlaskClient, Login], str], made: Callable[[Shop], Button]
) -> None:
    sign_in(shop.client, person)
    button = made(shop)
    before = rows()
    browsers = [shop.client.application.test_client() for _ in range(CLICKS)]
    for browser in browsers:
        sign_in(browser, person)
    db.session.rollback()

    with ThreadPoolExecutor(CLICKS) as fingers:
        answers = list(fingers.map(button.press, browsers))

    seen = {(answer.status_code, answer.headers.get("Location"), answer.get_data()) for answer in answers}
    assert len(seen) == 1 and answers[0].status_code < 400, seen
    assert rows() - before == Counter(button.makes)
    if made is an_undoing:
        assert [run.state for run in BillingRun.here().all()] == [RunState.UNDOING]
    if button.other is not None:
        refused = button.press(browsers[0], button.other)
        assert refused.status_code == (422 if button.token else 409)
        assert rows() - before == Counter(button.makes)
