"""Recording, correcting and listing payments, in the browser of those who may."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.jobs import JobRunner
from tests.processor import fresh, make_owed
from tests.web import reading
from webapp.core.db import db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications.delivery import Mail, MailKind, MailState
from webapp.domain.organizations import Chapter, Login, Member, Organization, RoleName
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method, Payment, PaymentState

DAY = "2026-09-01"


@pytest.fixture
def chapter(organization: Organization) -> Chapter:
    return factories.make_chapter()


@pytest.fixture
def ada(chapter: Chapter) -> Member:
    status = factories.make_status()
    return factories.make_member(chapter, status, number="N1", first_name="Ada", last_name="Byron")


@pytest.fixture
def desk(
    organization: Organization, chapter: Chapter, client: FlaskClient, sign_in: Callable[..., Any]
) -> str:
    """The treasurer is signed in; the address of the chapter's payments."""
    login = factories.make_login("Wendy Taylor")
    factories.make_role(login, RoleName.TREASURER, chapter=chapter)
    sign_in(client, login)
    return f"/o/{organization.slug}/chapters/{chapter.code}/payments"


@pytest.fixture
def auditor(client: FlaskClient, organization: Organization, sign_in: Callable[..., Any]) -> FlaskClient:
    login: Login = factories.make_login("Olga Auditor")
    factories.make_role(login, RoleName.AUDITOR)
    browser = client.application.test_client()
    sign_in(browser, login)
    return browser


def typed(**changes: str) -> dict[str, str]:
    return {
        "member": "Ada Byron",
        "amount": "150.00",
        "method": "check",
        "on": DAY,
        "reference": "1024",
        "order": "oldest",
    } | changes


def confirmation(page: str) -> dict[str, str]:
    """What the button below the preview sends."""
    return reading.filled(
        page, lambda form: form.get("method") == "post" and "sign-out" not in form.get("action", "")
    )


def recorded() -> list[Payment]:
    db.session.rollback()
    return list(Payment.here().all(order_by=Payment.id))


def test_what_it_settles_is_shown_before_it_is_recorded(client: FlaskClient, desk: str, ada: Member) -> None:
    first, second = make_owed(ada, 10_000, due_on=date(2099, 1, 1)), make_owed(ada, 40_000)
    page = client.get(f"{desk}/new", query_string=typed())
    assert page.status_code == 200
    assert [text in page.text for text in (first.number, second.number, "$350.00")] == [True] * 3
    assert recorded() == []
    answer = client.post(f"{desk}/", data=confirmation(page.text))
    [payment] = recorded()
    assert answer.location.endswith(f"/payments/{payment.id}/")
    assert (payment.amount, payment.reference, payment.received_on) == (15_000, "1024", date(2026, 9, 1))
    assert (fresh(Invoice, first.id).owed, fresh(Invoice, second.id).owed) == (0, 35_000)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"member": "Nobody"}, "Nobody here has this number, address or name."),
        ({"member": "Byron"}, "Perhaps Ada Byron (N1)?"),
        ({"member": ""}, "Say who paid."),
        ({"amount": "much"}, "is not an amount"),
        ({"amount": "0"}, "Enter more than zero."),
        ({"amount": "-5"}, "Enter more than zero."),
        ({"on": "2999-01-01"}, "This day is still to come."),
        ({"on": "soon"}, "Not a valid date"),
        ({"method": "card"}, "Not a valid choice"),
        ({"order": "chosen"}, "Enter what settles which invoice."),
    ],
)
def test_bad_input_is_told_and_nothing_typed_is_lost(
    client: FlaskClient, desk: str, ada: Member, changes: dict[str, str], sentence: str
) -> None:
    page = client.get(f"{desk}/new", query_string=typed(**changes))
    assert page.status_code == 422
    assert sentence in page.text
    assert 'value="1024"' in page.text
    posted = client.post(f"{desk}/", data=typed(**changes) | {"seen": "x", "form_key": "k"})
    assert posted.status_code == 422
    assert recorded() == []


def test_chosen_invoices_and_amounts(client: FlaskClient, desk: str, ada: Member) -> None:
    first, second = make_owed(ada, 10_000), make_owed(ada, 40_000)
    parts = {f"part-{first.id}": "50", f"part-{second.id}": "1,00.5"}
    assert "is not an amount" in client.get(f"{desk}/new", query_string=typed(order="chosen") | parts).text
    parts[f"part-{second.id}"] = "60.50"
    page = client.get(f"{desk}/new", query_string=typed(order="chosen") | parts)
    client.post(f"{desk}/", data=confirmation(page.text))
    assert (fresh(Invoice, first.id).owed, fresh(Invoice, second.id).owed) == (5_000, 33_950)


def test_more_than_an_invoice_owes_is_refused_where_it_was_typed(
    client: FlaskClient, desk: str, ada: Member
) -> None:
    invoice = make_owed(ada, 10_000)
    page = client.get(f"{desk}/new", query_string=typed(order="chosen") | {f"part-{invoice.id}": "120"})
    assert page.status_code == 422
    assert f"That is more than {invoice.number} owes." in page.text
    assert 'value="120"' in page.text


@pytest.mark.case("K22")
def test_what_may_be_the_same_money_asks_and_does_not_forbid(
    client: FlaskClient, desk: str, ada: Member
) -> None:
    with transaction():
        record_offline(ada, 15_000, method=Method.CHECK, on=date(2026, 8, 28), by=None, reference="1024")
    page = client.get(f"{desk}/new", query_string=typed())
    assert "Perhaps this was recorded before" in page.text
    data = confirmation(page.text)
    asked = client.post(f"{desk}/", data=data)
    assert asked.status_code == 422
    assert "Say that this is another payment." in asked.text
    assert len(recorded()) == 1
    again = confirmation(asked.text) | {"sure": "y"}
    assert client.post(f"{desk}/", data=again).status_code == 303
    assert len(recorded()) == 2


@pytest.mark.case("K10")
def test_what_has_changed_since_it_was_shown_is_shown_again(
    client: FlaskClient, desk: str, ada: Member
) -> None:
    invoice = make_owed(ada, 10_000)
    data = confirmation(client.get(f"{desk}/new", query_string=typed()).text)
    with transaction():
        record_offline(ada, 10_000, method=Method.CASH, on=date(2026, 9, 1), by=None)
    answer = client.post(f"{desk}/", data=data)
    assert answer.status_code == 409
    assert "This has changed since you looked" in answer.text
    assert len(recorded()) == 1
    assert client.post(f"{desk}/", data=confirmation(answer.text)).status_code == 303
    assert fresh(Invoice, invoice.id).paid == 10_000


@pytest.mark.case("F13")
def test_a_double_click_records_once(client: FlaskClient, desk: str, ada: Member) -> None:
    data = confirmation(client.get(f"{desk}/new", query_string=typed()).text)
    first, second = (client.post(f"{desk}/", data=data) for _ in range(2))
    assert first.location == second.location
    assert len(recorded()) == 1


def test_from_an_invoice_the_form_is_filled(client: FlaskClient, desk: str, ada: Member) -> None:
    invoice = make_owed(ada, 12_345)
    page = client.get(f"{desk}/new?invoice={invoice.id}").text
    assert 'value="N1"' in page
    assert 'value="123.45"' in page


def test_members_and_payments_of_another_chapter_are_not_there(
    client: FlaskClient, desk: str, organization: Organization
) -> None:
    elsewhere = factories.make_member(
        factories.make_chapter("BET", "Beta"), factories.make_status("x"), number="B1"
    )
    invoice = make_owed(elsewhere, 1_000)
    with transaction():
        paid = record_offline(elsewhere, 500, method=Method.CASH, on=date(2026, 9, 1), by=None)
    assert client.get(f"{desk}/new", query_string=typed(member="B1")).status_code == 422
    assert client.get(f"{desk}/new?invoice={invoice.id}").status_code == 404
    for address in (f"{desk}/{paid.id}/", f"{desk}/{paid.id}/reversal"):
        assert client.get(address).status_code == 404
    assert client.post(f"{desk}/{paid.id}/reversal", data={"reason": "Mine"}).status_code == 404
    assert client.post(f"{desk}/{paid.id}/receipt").status_code == 404
    assert str(paid.id) not in client.get(f"{desk}/").text


def test_an_auditor_reads_and_changes_nothing(
    client: FlaskClient, auditor: FlaskClient, desk: str, ada: Member
) -> None:
    with transaction():
        paid = record_offline(ada, 500, method=Method.CASH, on=date(2026, 9, 1), by=None)
    page = auditor.get(f"{desk}/{paid.id}/")
    assert page.status_code == 200
    assert "Reverse…" not in page.text and "receipt" not in page.text.lower().replace("receipts", "")
    assert "Record a payment" not in auditor.get(f"{desk}/").text
    assert auditor.post(f"{desk}/", data=typed()).status_code == 403
    assert auditor.post(f"{desk}/{paid.id}/reversal", data={"reason": "x"}).status_code == 403


def test_a_reversal_needs_its_reason_and_then_the_payment_says_so(
    client: FlaskClient, desk: str, ada: Member
) -> None:
    invoice = make_owed(ada, 10_000)
    with transaction():
        paid = record_offline(ada, 6_000, method=Method.CHECK, on=date(2026, 9, 1), by=None)
    page = client.get(f"{desk}/{paid.id}/reversal")
    assert "$60.00 that it settled is owed again." in page.text
    assert client.post(f"{desk}/{paid.id}/reversal", data={"reason": ""}).status_code == 422
    answer = client.post(f"{desk}/{paid.id}/reversal", data={"reason": "It was Bob's check"})
    assert answer.status_code == 303
    shown = client.get(answer.location).text
    assert "Reversed: it was recorded by mistake" in shown and "Bob&#39;s check" in shown
    assert fresh(Payment, paid.id).state is PaymentState.REVERSED
    assert fresh(Invoice, invoice.id).owed == 10_000
    again = client.get(f"{desk}/{paid.id}/reversal").text
    assert "This payment is reversed already." in again


def test_a_receipt_is_sent_on_request_and_again(
    client: FlaskClient, desk: str, ada: Member, jobs: JobRunner
) -> None:
    with transaction():
        paid = record_offline(ada, 500, method=Method.CASH, on=date(2026, 9, 1), by=None, receipt=False)
    for _ in range(2):
        assert client.post(f"{desk}/{paid.id}/receipt").status_code == 303
        db.session.rollback()
        jobs.run_all()
    [mail] = Mail.here().all(Mail.kind == MailKind.RECEIPT)
    assert (mail.state, mail.recipient) == (MailState.SENT, ada.email)


def test_the_list_finds_by_member_and_deposit_and_downloads(
    client: FlaskClient, desk: str, ada: Member
) -> None:
    with transaction():
        record_offline(ada, 500, method=Method.CASH, on=date(2026, 9, 1), by=None)
    assert "5.00" in client.get(f"{desk}/?format=csv&member={ada.id}").text
    assert "No payments match" in client.get(f"{desk}/?q=D-99").text
