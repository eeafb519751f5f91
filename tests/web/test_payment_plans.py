"""A payment plan on its pages and through the API: foreseen, proposed, accepted, paid, reminded of."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.processor import Shop, fresh
from tests.web.api.conftest import program
from webapp.core.db import db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications import installments
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.notifications.links import Links
from webapp.domain.organizations import Chapter, Login, Member, Organization, RoleName
from webapp.domain.plans import following
from webapp.domain.plans.plan import Installment, PaymentPlan, PlanState

LINKS = Links("https://dues.example.org", "secret")
SignIn = Callable[..., Any]


class People:
    def __init__(self, shop: Shop) -> None:
        chapter = Chapter.here().get(shop.chapter_id)
        self.treasurer, self.ana = factories.make_login("Tom Treasurer"), factories.make_login("Ana Núñez")
        factories.make_role(self.treasurer, RoleName.TREASURER, chapter=chapter)
        factories.make_role(self.ana, RoleName.MEMBER, member=shop.member)
        with transaction():
            Member.here().get(shop.member_id).login_id = self.ana.id
        self.chapter, self.invoice = chapter, shop.owed(40_000)
        self.desk = f"/o/{shop.organization.slug}/chapters/{chapter.code}"
        self.home = f"/o/{shop.organization.slug}/my"
        self.new = f"{self.desk}/members/{shop.member_id}/payment-plan"
        self.today = shop.organization.today

    def typed(self, **more: Any) -> dict[str, Any]:
        usual = {
            "invoice_ids": [str(self.invoice.id)],
            "down_payment": "100",
            "installments": "3",
            "starts_on": self.today.isoformat(),
            "payment_day": "31",
        }
        return usual | more

    def program(self, client: FlaskClient, organization: Organization) -> Any:
        return program(client, organization, RoleName.TREASURER, self.chapter)


@pytest.fixture
def people(shop: Shop) -> People:
    return People(shop)


def the_plan() -> PaymentPlan:
    return db.session.scalars(
        PaymentPlan.here().select().execution_options(populate_existing=True).order_by(PaymentPlan.id.desc())
    ).all()[0]


def propose(shop: Shop, people: People, sign_in: SignIn, login: Login) -> PaymentPlan:
    sign_in(shop.client, login)
    where = people.new if login is people.treasurer else f"{people.home}/payment-plan"
    answer = shop.client.post(where, data=people.typed(propose="yes"))
    assert answer.status_code == 303, answer.text
    return the_plan()


def accept(shop: Shop, people: People, sign_in: SignIn, plan: PaymentPlan) -> None:
    sign_in(shop.client, people.ana)
    shop.client.post(f"{people.home}/payment-plans/{plan.id}/acceptance")


def test_the_schedule_is_shown_before_anything_is_proposed(
    shop: Shop, people: People, sign_in: SignIn
) -> None:
    sign_in(shop.client, people.treasurer)

    page = shop.client.post(people.new, data=people.typed(interest_rate="12"))

    assert page.status_code == 200 and PaymentPlan.here().all() == []
    for words in ("Down payment", "when the plan is accepted", "$100.00", "Propose this plan"):
        assert words in page.text


def test_what_was_typed_wrong_is_said_and_nothing_is_lost(
    shop: Shop, people: People, sign_in: SignIn
) -> None:
    sign_in(shop.client, people.treasurer)

    page = shop.client.post(
        people.new, data=people.typed(down_payment="400", note="As agreed", propose="yes")
    )

    assert page.status_code == 422
    assert "A down payment is less than what the plan is about." in page.text and "As agreed" in page.text


def test_a_treasurer_proposes_and_the_member_accepts_on_the_own_pages(
    shop: Shop, people: People, sign_in: SignIn
) -> None:
    plan = propose(shop, people, sign_in, people.treasurer)
    shop.work_and_mail()
    [asked] = Mail.here().all(Mail.kind == MailKind.PAYMENT_PLAN)
    assert (asked.state, asked.subject) == (MailState.SENT, "A payment plan waits for your answer")

    sign_in(shop.client, people.ana)
    assert "Your treasurer proposes it." in shop.client.get(f"{people.home}/").text
    accept(shop, people, sign_in, plan)

    assert the_plan().state is PlanState.ACTIVE
    page = shop.client.get(f"{people.home}/payment-plans/{plan.id}/").text
    assert "Due today" in page and "Nothing is taken by itself" in page
    letter = shop.client.get(f"{people.home}/payment-plans/{plan.id}/pdf")
    assert letter.status_code == 200 and letter.data.startswith(b"%PDF")


def test_the_member_pays_an_installment_and_no_more(shop: Shop, people: People, sign_in: SignIn) -> None:
    plan = propose(shop, people, sign_in, people.treasurer)
    accept(shop, people, sign_in, plan)

    to_pay = shop.client.post(f"{people.home}/payment-plans/{plan.id}/checkout")
    done = urlsplit(str(shop.sandbox.pay(to_pay.location).location)).path
    shop.client.post(f"{done}/looks")
    shop.work()

    assert fresh(Invoice, people.invoice.id).paid == 10_000
    assert [step.owed for step in following.progress_of(plan).steps] == [0, 10_000, 10_000, 10_000]


def test_a_rate_is_shown_as_one_writes_it(shop: Shop, people: People, sign_in: SignIn) -> None:
    sign_in(shop.client, people.treasurer)
    shop.client.post(people.new, data=people.typed(propose="yes", interest_rate="10"))

    page = shop.client.get(f"{people.desk}/payment-plans/{the_plan().id}/")

    assert "10 % a year" in page.text


def test_a_member_asks_and_the_treasurer_says_no(shop: Shop, people: People, sign_in: SignIn) -> None:
    plan = propose(shop, people, sign_in, people.ana)
    assert plan.by_member and plan.interest_rate is None
    sign_in(shop.client, people.treasurer)
    assert "1 payment plan is asked for · $400.00" in shop.client.get(f"{people.desk}/").text
    assert "Núñez" in shop.client.get(f"{people.desk}/payment-plans/?state=asked").text
    assert "Núñez" not in shop.client.get(f"{people.desk}/payment-plans/?state=late").text
    where = f"{people.desk}/payment-plans/{plan.id}"

    assert shop.client.post(f"{where}/refusal", data={"reason": ""}).status_code == 422
    assert shop.client.post(f"{where}/refusal", data={"reason": "Too long"}).status_code == 303

    assert the_plan().state is PlanState.REFUSED
    assert "Too long" in shop.client.get(f"{where}/").text


def test_each_installment_is_reminded_of_at_most_once_a_step_and_never_once_it_is_paid(
    shop: Shop, people: People, sign_in: SignIn
) -> None:
    plan = propose(shop, people, sign_in, people.treasurer)
    accept(shop, people, sign_in, plan)
    first = Installment.here().first(Installment.plan_id == plan.id, Installment.position == 1)
    assert first is not None

    def remind(days: int) -> None:
        with transaction() as session:
            organization = session.get_one(Organization, shop.organization.id)
            installments.promise(organization, first.due_on + timedelta(days=days), LINKS)

    remind(0)
    remind(0)
    about_first = Mail.kind == MailKind.INSTALLMENT, Mail.once == f"installment:{first.id}:0"
    assert len(Mail.here().all(*about_first)) == 1

    shop.record(people.invoice, 20_000)
    shop.work_and_mail()

    [mail] = Mail.here().all(*about_first)
    assert mail.note == "The installment is paid."


def test_a_program_foresees_proposes_and_cancels(
    shop: Shop, people: People, sign_in: SignIn, organization: Organization
) -> None:
    speaking = people.program(shop.client, organization)
    wanted = {
        "member_id": str(shop.member_id),
        "invoice_ids": [str(people.invoice.id)],
        "installments": 3,
        "down_payment": 10_000,
        "starts_on": people.today.isoformat(),
        "payment_day": 31,
        "interest_rate": "6.5",
    }
    foreseen = speaking.post("payment-plans/preview", wanted).json
    assert [part["amount"] for part in foreseen["schedule"]] == [10_000] * 4

    made = speaking.post("payment-plans/", wanted)
    assert (made.status_code, made.json["state"], made.json["steps"]) == (201, "proposed", [])
    accept(shop, people, sign_in, the_plan())

    ended = speaking.post(f"payment-plans/{made.json['id']}/cancel", {"reason": "Pays at once"})
    assert (ended.json["state"], ended.json["ending"]) == ("cancelled", "Pays at once")
    assert [step["owed"] for step in ended.json["steps"]] == [10_000] * 4
