"""Batches of payments on their pages: typed, uploaded, checked, posted, corrected."""

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.jobs import JobRunner
from tests.processor import make_owed
from tests.web import reading
from webapp.core.db import db
from webapp.core.jobs import Job, OutboxJob
from webapp.domain.organizations import Chapter, Member, Organization, RoleName
from webapp.domain.payments import batch_posting
from webapp.domain.payments.batches import ReceiptBatch, ReceiptBatchState, ReceiptLine
from webapp.domain.payments.payment import Payment

SLIP = {"reference": "D-17", "deposited_on": "2026-09-01", "method": "check"}


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
    login = factories.make_login("Wendy Taylor")
    factories.make_role(login, RoleName.TREASURER, chapter=chapter)
    sign_in(client, login)
    return f"/o/{organization.slug}/chapters/{chapter.code}/payments/batches"


@pytest.fixture
def draft(client: FlaskClient, desk: str, ada: Member) -> str:
    """The address of an empty batch."""
    answer = client.post(f"{desk}/", data={"method": "check", "deposited_on": "2026-09-01"})
    return str(answer.location)


def batch() -> ReceiptBatch:
    db.session.rollback()
    [found] = ReceiptBatch.here().all()
    return found


def is_grid(form: Any) -> bool:
    return form.get("id") == "batch"


def save(client: FlaskClient, draft: str, **typed: str) -> Any:
    """From the page as it is, with this typed into it."""
    sent = reading.filled(client.get(draft).text, is_grid) | {"version": str(batch().version)}
    return client.post(draft, data=sent | {name.replace("_", "-"): text for name, text in typed.items()})


def post(client: FlaskClient, draft: str, **ticked: str) -> Any:
    page = client.get(f"{draft}posting").text
    sent = reading.filled(page, lambda form: str(form.get("action")).endswith("posting"))
    return client.post(f"{draft}posting", data=sent | ticked)


def complete(client: FlaskClient, draft: str) -> Any:
    rows = {
        "who_1": "N1",
        "amount_1": "1,234.50",
        "reference_1": "1001",
        "who_2": "ada byron",
        "amount_2": "5",
    }
    return save(client, draft, **rows, reference="D-17", count="2", total="1239.50")


def test_a_typed_batch_is_saved_checked_and_posted(
    client: FlaskClient, desk: str, draft: str, ada: Member
) -> None:
    make_owed(ada, 200_000)
    assert complete(client, draft).status_code == 303
    page = client.get(draft).text
    assert "$1,239.50" in page and "Ada Byron" in page
    checked = client.get(f"{draft}posting")
    assert "Post 2 payments, $1,239.50" in checked.text
    assert Payment.here().all() == []
    answer = post(client, draft)
    assert answer.status_code == 303
    shown = client.get(answer.location).text
    assert "Deposit D-17" in shown and shown.count("Reverse<span") == 2
    assert sorted(payment.amount for payment in Payment.here().all()) == [500, 123_450]
    csv = client.get(f"{draft}?format=csv").text
    assert "1,D-17,2026-09-01,check,N1,Ada Byron,1234.50,USD,1001,succeeded" in csv
    [payment, _] = Payment.here().all(order_by=Payment.amount)
    assert "D-17" in client.get(f"{desk.removesuffix('/batches')}/{payment.id}/").text
    assert str(payment.id) in client.get(f"{desk.removesuffix('/batches')}/?q=D-17").text


def test_what_makes_no_sense_yet_is_kept_and_says_so(client: FlaskClient, draft: str) -> None:
    save(client, draft, who_1="Nobody", amount_1="ten", reference_3="77")
    page = client.get(draft).text
    assert [text in page for text in ('value="Nobody"', 'value="ten"', 'value="77"')] == [True] * 3
    assert "Nobody here has this number, address or name." in page
    assert "is not an amount" in page


def test_a_slip_that_makes_no_sense_loses_no_line(client: FlaskClient, draft: str) -> None:
    answer = save(client, draft, who_1="N1", amount_1="5", total="lots")
    assert answer.status_code == 422
    assert 'value="lots"' in answer.text and 'value="N1"' in answer.text
    assert len(ReceiptLine.here().all(ReceiptLine.batch_id == batch().id)) == 1


def test_it_saves_itself_while_somebody_types(client: FlaskClient, draft: str) -> None:
    """The same window goes on with the version it began with; another one is refused."""
    sent = reading.filled(client.get(draft).text, is_grid) | {"version": str(batch().version)}
    for amount in ("5", "6"):
        typed = sent | {"who-1": "N1", "amount-1": amount}
        answer = client.post(draft, data=typed, headers={"HX-Request": "true"})
        assert answer.status_code == 200
        assert f"${amount}.00" in answer.text and "<html" not in answer.text
    assert client.post(draft, data=sent | {"who-1": "N1", "amount-1": "7"}).status_code == 303
    other_window = sent | {"form_key": "another", "who-1": "N1", "amount-1": "8"}
    assert client.post(draft, data=other_window).status_code == 409
    [line] = ReceiptLine.here().all(ReceiptLine.batch_id == batch().id)
    assert line.amount == 700


def test_more_rows_without_script(client: FlaskClient, draft: str) -> None:
    rows = client.get(draft).text.count('name="who-')
    answer = save(client, draft, step="more")
    assert client.get(answer.location).text.count('name="who-') == rows + 10


def test_the_difference_to_the_slip_is_told_and_nothing_posted(client: FlaskClient, draft: str) -> None:
    save(client, draft, who_1="N1", amount_1="5", reference="D-17", count="1", total="6.00")
    page = client.get(f"{draft}posting").text
    assert "The slip says $6.00 and the lines come to $5.00: $1.00 missing." in page
    answer = client.post(f"{draft}posting", data={"version": str(batch().version)})
    assert answer.status_code == 422
    assert batch().state is ReceiptBatchState.DRAFT


@pytest.mark.case("F13")
def test_a_second_click_posts_nothing_again(client: FlaskClient, draft: str) -> None:
    complete(client, draft)
    sent = reading.filled(
        client.get(f"{draft}posting").text, lambda form: str(form.get("action")).endswith("posting")
    )
    answers = [client.post(f"{draft}posting", data=sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    another = client.post(f"{draft}posting", data=sent | {"form_key": "another"})
    assert another.status_code == 409
    assert len(Payment.here().all()) == 2


def test_a_file_is_added_below_and_says_what_it_read(client: FlaskClient, draft: str) -> None:
    content = b'Employee No,Deduction,Shift\nN1,"1,234.50",night\nN9,3,day\n'
    answer = client.post(f"{draft}file", data={"file": (io.BytesIO(content), "payroll.csv")})
    page = client.get(answer.location).text
    assert "2 lines were read from" in page and "Not used: “Shift”." in page
    assert "$1,234.50" in page and "Nobody here has this number" in page
    again = client.post(f"{draft}file", data={"file": (io.BytesIO(content), "payroll.csv")})
    assert again.status_code == 422
    assert "This file is in this batch already." in again.text
    none = client.post(f"{draft}file", data={})
    assert "Choose a file." in none.text


def test_who_is_not_told_exactly_is_chosen_from_those_it_may_mean(
    client: FlaskClient, draft: str, ada: Member
) -> None:
    save(client, draft, who_1="Byron", amount_1="5")
    page = client.get(draft).text
    assert f'<option value="{ada.id}">Ada Byron (N1)' in page
    save(client, draft, member_1=str(ada.id))
    [line] = ReceiptLine.here().all(ReceiptLine.batch_id == batch().id)
    assert (line.member_id, line.problem) == (ada.id, None)


def test_a_long_batch_says_that_it_is_being_posted(client: FlaskClient, draft: str) -> None:
    rows = "".join(f"N1,1,{i}\n" for i in range(batch_posting.AT_ONCE + 1))
    content = f"Number,Amount,Check\n{rows}".encode()
    client.post(f"{draft}file", data={"file": (io.BytesIO(content), "checks.csv")})
    page = client.get(draft).text
    assert page.count('name="who-') == 100 and "Rows from 101" in page
    number = batch_posting.AT_ONCE + 1
    save(client, draft, reference="D-18", count=str(number), total=str(number))
    answer = post(client, draft)
    assert "are being posted" in client.get(answer.location).text
    JobRunner(OutboxJob.name == Job.POST_RECEIPTS.work.name).run_all()
    polled = client.get(answer.location, headers={"HX-Request": "true"})
    assert polled.headers["HX-Redirect"]
    assert "Deposit D-18" in client.get(answer.location).text


def test_a_draft_is_discarded(client: FlaskClient, desk: str, draft: str) -> None:
    complete(client, draft)
    assert client.post(f"{draft}discarding").status_code == 303
    assert ReceiptBatch.here().all() == []
    assert client.get(draft).status_code == 404


def test_the_deposit_slip_is_a_pdf(client: FlaskClient, draft: str) -> None:
    complete(client, draft)
    answer = client.get(f"{draft}deposit-slip.pdf")
    assert (answer.mimetype, answer.data[:5]) == ("application/pdf", b"%PDF-")


def test_the_batch_of_another_chapter_is_not_there(
    client: FlaskClient, draft: str, organization: Organization, sign_in: Callable[..., Any]
) -> None:
    neighbour = factories.make_login()
    beta = factories.make_chapter("BET", "Beta")
    factories.make_role(neighbour, RoleName.TREASURER, chapter=beta)
    sign_in(client, neighbour)
    own = f"/o/{organization.slug}/chapters/BET/payments/batches/{batch_id(draft)}/"
    for address in (own, f"{own}posting", f"{own}deposit-slip.pdf"):
        assert client.get(address).status_code == 404
    for address in (own, f"{own}posting", f"{own}file", f"{own}discarding"):
        assert client.post(address, data=SLIP | {"version": "1"}).status_code == 404
    assert client.get(draft).status_code == 403


def batch_id(draft: str) -> UUID:
    return UUID(draft.rstrip("/").rsplit("/", 1)[1])
