"""A processor on a bad day: 429, 500, nonsense, silence. Nobody sees a broken page, and nothing is lost."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, update

from tests.processor import ADDRESSES, SECRET_KEY, Shop, fresh
from tests.sandbox.control import eventually
from tests.web.api.conftest import program
from webapp import wiring
from webapp.adapters.stripe_gateway import StripeGateway
from webapp.core import clock
from webapp.core.db import db, transaction
from webapp.core.jobs import JobState, OutboxJob
from webapp.domain.billing import pay_link
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.organizations import RoleName
from webapp.domain.payments import checkout as checkouts
from webapp.domain.payments import circuit
from webapp.domain.payments.checkout import Checkout, CheckoutState
from webapp.domain.payments.gateway import GatewayUnavailable
from webapp.domain.payments.processor import PaymentProcessor

FAULTS = ["rate_limit", "server_error", "malformed"]
FOR_EVER = 10_000
SESSIONS = "/v1/checkout/sessions"


def pay_page(shop: Shop, invoice: Invoice) -> str:
    return f"/o/{shop.organization.slug}/pay/{pay_link.token(invoice, wiring.settings().secret_key)}"


def press_pay(shop: Shop, page: str) -> str:
    """Where the payer ends up."""
    answer = shop.client.post(f"{page}/checkouts")
    assert answer.status_code == 303
    return answer.headers["Location"]


def show(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def rest_is_over() -> None:
    with transaction():
        db.session.execute(update(PaymentProcessor).values(rests_until=func.now()))


@pytest.mark.case("F22")
@pytest.mark.parametrize("fault", FAULTS)
def test_while_it_answers_nonsense_the_payer_is_told_and_then_led_on(shop: Shop, fault: str) -> None:
    invoice = shop.owed()
    page = pay_page(shop, invoice)
    shop.sandbox.fault(fault, count=FOR_EVER)

    waiting = press_pay(shop, page)
    assert "We keep trying" in show(shop.client, waiting)

    shop.sandbox.no_faults()
    shop.work_later()
    assert "The payment page is ready" in show(shop.client, waiting)
    [checkout] = Checkout.here().all()
    assert checkout.url is not None and checkout.url in show(shop.client, waiting)
    shop.pay(checkout)
    shop.hear()
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID
    assert len(shop.sandbox.objects("checkout.session")) == 1


@pytest.mark.case("F22")
def test_after_some_silences_it_is_left_alone_and_one_answer_ends_that(shop: Shop) -> None:
    page = pay_page(shop, shop.owed())
    shop.sandbox.fault("server_error", count=FOR_EVER)
    for _ in range(circuit.SILENCES):
        press_pay(shop, page)
    asked = len(shop.sandbox.requests())

    for _ in range(3):
        assert "trying=1" in press_pay(shop, page)
    assert len(shop.sandbox.requests()) == asked, "it rests"

    rest_is_over()
    shop.sandbox.no_faults()
    assert shop.sandbox.url in press_pay(shop, page)
    assert (shop.processor.silences, shop.processor.rests_until) == (0, None)


@pytest.mark.case("F13")
@pytest.mark.case("F22")
def test_whoever_asks_while_the_same_page_is_being_opened_waits_for_it(shop: Shop) -> None:
    page = pay_page(shop, shop.owed())
    shop.sandbox.fault("slow", method="POST", path=SESSIONS, seconds=0.5, carried_out=False)
    first, second = (shop.client.application.test_client() for _ in range(2))

    with ThreadPoolExecutor() as fingers:
        slow = fingers.submit(first.post, f"{page}/checkouts")
        eventually(lambda: bool(shop.sandbox.requests(SESSIONS, "POST")))
        impatient = second.post(f"{page}/checkouts")

    assert slow.result().headers["Location"] == impatient.headers["Location"]
    assert shop.sandbox.url in impatient.headers["Location"]
    assert 409 in {request["status"] for request in shop.sandbox.requests(SESSIONS, "POST")}
    assert shop.processor.silences == 0, "being busy is an answer"


@pytest.mark.case("F22")
def test_every_further_silence_makes_the_rest_longer_up_to_a_limit(shop: Shop) -> None:
    rests = []
    for _ in range(circuit.SILENCES + 8):
        moment = clock.now()
        with transaction():
            circuit.note_silence(shop.processor_id, now=moment)
        until = fresh(PaymentProcessor, shop.processor_id).rests_until
        rests.append(until - moment if until else None)
    assert rests[: circuit.SILENCES - 1] == [None] * (circuit.SILENCES - 1)
    growing = rests[circuit.SILENCES - 1 :]
    assert growing[:2] == [circuit.FIRST_REST, circuit.FIRST_REST * 2]
    assert growing[-1] == circuit.LONGEST_REST


@pytest.mark.case("F22")
@pytest.mark.case("F27")
def test_a_rest_that_a_wrong_clock_wrote_down_is_ignored(shop: Shop) -> None:
    processor = shop.processor
    processor.rests_until = clock.now() + circuit.LONGEST_REST * 12
    assert not circuit.is_open(processor, now=clock.now())
    db.session.rollback()


@pytest.mark.case("F22")
def test_a_waiting_page_does_not_pile_up_questions(shop: Shop) -> None:
    waiting = ""
    shop.sandbox.fault("server_error", count=FOR_EVER)
    page = pay_page(shop, shop.owed())
    for _ in range(circuit.SILENCES):
        waiting = press_pay(shop, page)
    before = len(OutboxJob.here().all())
    look = waiting.replace("?", "/looks?").removeprefix("http://localhost")
    for _ in range(5):
        answer = shop.client.post(look, headers={"HX-Request": "true"})
        assert answer.status_code == 200 and "We keep trying" in answer.get_data(as_text=True)
    assert len(OutboxJob.here().all()) == before


@pytest.mark.case("F22")
def test_a_program_is_told_when_to_come_back(shop: Shop) -> None:
    accounting = program(shop.client, shop.organization, RoleName.NATIONAL_ADMIN)
    shop.sandbox.fault("server_error", count=FOR_EVER)
    invoice = shop.owed()
    answer = accounting.post(f"/api/invoices/{invoice.id}/pay/", {}, key="one")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert answer.content_type == "application/problem+json"
    shop.sandbox.no_faults()
    assert accounting.post(f"/api/invoices/{invoice.id}/pay/", {}, key="one").status_code == 201


@pytest.mark.case("F22")
def test_events_that_came_while_it_kept_silent_wait_with_growing_pauses(shop: Shop) -> None:
    invoice = shop.owed()
    shop.pay(shop.open(invoice))
    shop.sandbox.fault("server_error", path=SESSIONS, count=FOR_EVER)
    for event in shop.events("checkout.session.completed"):
        assert shop.deliver(event) == 200
    pauses = []
    for _ in range(3):
        shop.work_later()
        [job] = shop.jobs.named("react_to_event")
        assert job.state is JobState.QUEUED
        pauses.append((job.due_at - clock.now()).total_seconds())
    assert pauses[0] < pauses[1] < pauses[2]
    shop.sandbox.no_faults()
    rest_is_over()
    shop.work_later()
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID


@pytest.mark.case("F21")
@pytest.mark.case("K2")
def test_a_client_that_hung_up_before_the_answer_finds_the_same_page(shop: Shop) -> None:
    """The processor carries the order out and answers after we have stopped listening."""
    invoice = shop.owed()
    with transaction():
        checkout = checkouts.begin(invoice.id, addresses=ADDRESSES, now=clock.now())
    shop.sandbox.fault("slow", count=2, path="/v1/checkout/sessions", method="POST", seconds=1.5)
    impatient = StripeGateway(SECRET_KEY, api_base=shop.sandbox.url, timeout=0.4)
    with pytest.raises(GatewayUnavailable):
        impatient.open_checkout(checkout.order("USD"), idempotency_key=checkout.idempotency_key)
    with transaction():
        checkouts.asked_in_vain(checkout.id)

    found = shop.open(invoice)

    assert (found.id, found.state) == (checkout.id, CheckoutState.LIVE)
    [session] = shop.sandbox.objects("checkout.session")
    assert session["id"] == found.session_reference
    keys = {asked["idempotency_key"] for asked in shop.sandbox.requests("/v1/checkout/sessions", "POST")}
    assert keys == {checkout.idempotency_key}
    shop.pay(found)
    shop.hear()
    assert len(shop.sandbox.objects("charge")) == 1
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PAID
