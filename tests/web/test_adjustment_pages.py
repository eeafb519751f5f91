"""Adjusting an invoice on pages: previewed, confirmed, asked for; and a member's hardship request."""

import io
import re

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests import factories
from tests.web.world import ADMIN, AUDITOR, MEMBER, NEIGHBOUR, TREASURER, World, enter
from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.approvals import Action, ApprovalRequest
from webapp.domain.billing.adjustments import Adjustment, AdjustmentState
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import RoleName
from webapp.web.adjusting import OPTIONS

OWED = 34_000


@pytest.fixture
def chapter(world: World) -> str:
    return f"/o/{world.organization.slug}/chapters/{world.ids['chapter']}"


@pytest.fixture
def mine(world: World) -> str:
    """Where the member's invoice is, seen by the member."""
    return f"/o/{world.organization.slug}/my/invoices/{world.ids['invoice_id']}"


def asked(**changes: str) -> dict[str, str]:
    return {"what": "waiver.lowers", "amount": "20.00", "reason": "Helped with the roof"} | changes


def adjusting(chapter: str, world: World) -> str:
    return f"{chapter}/invoices/{world.ids['invoice_id']}/adjustments/"


def owed(world: World) -> int:
    db.session.rollback()
    with tenancy.acting_for(world.organization.id):
        return Invoice.here().get(world.ids["invoice_id"]).owed


def adjustments(world: World) -> list[Adjustment]:
    """But those that every world begins with."""
    db.session.rollback()
    with tenancy.acting_for(world.organization.id):
        last = ApprovalRequest.here().get(world.ids["approval_id"]).subject_id
        found = Adjustment.here().all(Adjustment.id > last, order_by=Adjustment.id)
        db.session.expunge_all()
        return list(found)


def allow_treasurers(world: World, up_to: int) -> None:
    with tenancy.acting_for(world.organization.id):
        factories.allow_alone(RoleName.TREASURER, Action.ADJUSTMENT, up_to)


@pytest.mark.case("K29")
@pytest.mark.parametrize("what", OPTIONS)
def test_the_preview_says_in_words_what_each_kind_does_and_then_does_it(
    client: FlaskClient, world: World, chapter: str, what: str
) -> None:
    kind, _ = OPTIONS[what]
    enter(client, world.logins[TREASURER])
    with tenancy.acting_for(world.organization.id):
        factories.allow_alone(RoleName.TREASURER, kind.action, 5_000)

    page = client.get(f"{adjusting(chapter, world)}new", query_string=asked(what=what)).text
    [(amount, word)] = re.findall(r"<h2>[^<]* owes \$(\d+\.\d\d) (more|less)</h2>", page)
    client.post(adjusting(chapter, world), data=asked(what=what, seen=str(OWED)))

    assert amount == "20.00"
    assert owed(world) == OWED + {"more": 2_000, "less": -2_000}[word]


def test_the_preview_shows_the_books_and_changes_nothing(
    client: FlaskClient, world: World, chapter: str
) -> None:
    enter(client, world.logins[TREASURER])
    page = client.get(f"{adjusting(chapter, world)}new", query_string=asked()).text
    assert "4900 Waivers and discounts" in page and "1200 Accounts receivable" in page
    assert "$340.00" in page and "$320.00" in page
    assert (owed(world), adjustments(world)) == (OWED, [])


def test_above_the_limit_it_waits_and_the_list_and_its_page_say_so(
    client: FlaskClient, world: World, chapter: str
) -> None:
    enter(client, world.logins[TREASURER])
    assert (
        "more than you may decide alone"
        in client.get(f"{adjusting(chapter, world)}new", query_string=asked()).text
    )

    answer = client.post(adjusting(chapter, world), data=asked(seen=str(OWED)))

    [waiting] = adjustments(world)
    assert answer.location.endswith(f"/adjustments/{waiting.id}")
    assert (waiting.state, owed(world)) == (AdjustmentState.REQUESTED, OWED)
    page = client.get(answer.location).text
    assert "Helped with the roof" in page and "once approved" in page and "Withdraw this request" in page
    rows = client.get(f"{chapter}/adjustments/?state=requested&kind=waiver").text
    assert f"/adjustments/{waiting.id}" in rows and str(world.ids["adjustment_id"]) not in rows
    assert "waiver,lowers,2000,20.00,USD,requested" in client.get(f"{chapter}/adjustments/?format=csv").text


def test_whoever_asked_withdraws_it_and_nobody_else_may(
    client: FlaskClient, world: World, chapter: str
) -> None:
    enter(client, world.logins[TREASURER])
    client.post(adjusting(chapter, world), data=asked(seen=str(OWED)))
    [waiting] = adjustments(world)
    address = f"{chapter}/adjustments/{waiting.id}/withdrawal"

    assert client.post(f"{chapter}/adjustments/{world.ids['adjustment_id']}/withdrawal").status_code == 403
    assert client.post(address).status_code == 303

    assert [one.state for one in adjustments(world)] == [AdjustmentState.WITHDRAWN]
    assert client.post(address).status_code == 409


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amount": "340.01"}, "Only $340.00 is still owed"),
        ({"amount": "0"}, "above zero"),
        ({"amount": "much"}, "amount"),
        ({"reason": ""}, "Say why"),
        ({"what": "gift"}, "Not a valid choice"),
        ({"payment": "00000000-0000-0000-0000-000000000000"}, "Not a valid choice"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence_and_nothing_typed_is_lost(
    client: FlaskClient, world: World, chapter: str, changes: dict[str, str], sentence: str
) -> None:
    enter(client, world.logins[TREASURER])
    for answer in (
        client.get(f"{adjusting(chapter, world)}new", query_string=asked(**changes)),
        client.post(adjusting(chapter, world), data=asked(**changes, seen=str(OWED))),
    ):
        assert answer.status_code == 422
        assert sentence in answer.text
        assert asked(**changes)["reason"] in answer.text
    assert adjustments(world) == []


@pytest.mark.case("K20")
def test_who_confirms_a_preview_that_is_not_true_any_more_sees_the_new_one(
    client: FlaskClient, world: World, chapter: str
) -> None:
    allow_treasurers(world, 50_000)
    enter(client, world.logins[TREASURER])
    answer = client.post(adjusting(chapter, world), data=asked(seen="40000"))
    assert answer.status_code == 409
    assert "Something else is owed since you looked" in answer.text
    assert adjustments(world) == []


@pytest.mark.case("F13")
def test_a_double_click_adjusts_once(client: FlaskClient, world: World, chapter: str) -> None:
    allow_treasurers(world, 5_000)
    enter(client, world.logins[TREASURER])
    sent = asked(seen=str(OWED), form_key="the-same-form")
    answers = [client.post(adjusting(chapter, world), data=sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert owed(world) == OWED - 2_000


@pytest.mark.case("A3")
def test_nobody_sets_what_is_not_asked_for(client: FlaskClient, world: World, chapter: str) -> None:
    enter(client, world.logins[TREASURER])
    forged = {"state": "approved", "decided_by_id": str(world.logins[ADMIN].id), "by_member": "true"}
    client.post(adjusting(chapter, world), data=asked(seen=str(OWED)) | forged)
    [waiting] = adjustments(world)
    assert (waiting.state, waiting.decided_by_id, waiting.by_member) == (
        AdjustmentState.REQUESTED,
        None,
        False,
    )


@pytest.mark.case("A4")
@pytest.mark.parametrize(("who", "status"), [(NEIGHBOUR, 403), (AUDITOR, 403), (MEMBER, 404)])
def test_only_officers_of_the_chapter_adjust(
    client: FlaskClient, world: World, chapter: str, who: str, status: int
) -> None:
    enter(client, world.logins[who])
    assert client.post(adjusting(chapter, world), data=asked(seen=str(OWED))).status_code == status
    assert adjustments(world) == []


def test_a_stranger_finds_neither_page_nor_document(
    client: FlaskClient, world: World, elsewhere: World
) -> None:
    enter(client, elsewhere.logins[ADMIN])
    own, foreign = elsewhere.organization.slug, world.ids["adjustment_id"]
    for address in (
        f"/o/{own}/national/adjustments/{foreign}",
        f"/o/{own}/national/adjustments/{foreign}/document",
    ):
        assert client.get(address).status_code == 404


def png() -> io.BytesIO:
    picture = io.BytesIO()
    Image.new("RGB", (40, 20), "#7a1f2b").save(picture, "PNG")
    return io.BytesIO(picture.getvalue())


def withdraw_first(client: FlaskClient, world: World) -> None:
    """Every world begins with one request of the member."""
    address = f"/o/{world.organization.slug}/my/adjustments/{world.ids['adjustment_id']}/withdrawal"
    assert client.post(address).status_code == 303


def test_a_member_asks_with_a_document_and_sees_what_becomes_of_it(
    client: FlaskClient, world: World, mine: str, chapter: str
) -> None:
    enter(client, world.logins[MEMBER])
    withdraw_first(client, world)
    sent = {"amount": "100.00", "reason": "My hours were cut", "document": (png(), "../../pay slip.svg")}

    assert client.post(f"{mine}/hardship", data=sent).status_code == 303

    [waiting] = adjustments(world)
    assert (waiting.by_member, waiting.amount, owed(world)) == (True, 10_000, OWED)
    page = client.get(mine).text
    assert "Waiting for approval" in page and "My hours were cut" in page and "pay slip.jpg" in page
    document = client.get(f"/o/{world.organization.slug}/my/adjustments/{waiting.id}/document")
    assert document.mimetype == "image/jpeg" and document.data.startswith(b"\xff\xd8")
    enter(client, world.logins[TREASURER])
    assert client.get(f"{chapter}/adjustments/{waiting.id}/document").data == document.data


def test_the_answer_stands_on_the_members_invoice(client: FlaskClient, world: World, mine: str) -> None:
    with tenancy.acting_for(world.organization.id), transaction():
        request = ApprovalRequest.here().first(ApprovalRequest.subject_id == world.ids["adjustment_id"])
        assert request is not None
        request.deny(
            by=world.logins[ADMIN],
            reason="Pay in two parts instead",
            tell=wiring.DENIALS,
            on=world.organization.today,
        )
    enter(client, world.logins[MEMBER])
    page = client.get(mine).text
    assert "Pay in two parts instead" in page and "I can’t pay this" in page


@pytest.mark.case("A14")
def test_a_document_is_saved_and_never_runs(client: FlaskClient, world: World, chapter: str) -> None:
    enter(client, world.logins[TREASURER])
    answer = client.get(f"{chapter}/adjustments/{world.ids['adjustment_id']}/document")
    assert answer.headers["Content-Disposition"] == "attachment; filename=letter.pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_refused_document_loses_nothing_that_was_typed(
    client: FlaskClient, world: World, mine: str
) -> None:
    enter(client, world.logins[MEMBER])
    withdraw_first(client, world)
    sent = {"amount": "100.00", "reason": "My hours were cut", "document": (io.BytesIO(b"<svg>"), "a.png")}
    answer = client.post(f"{mine}/hardship", data=sent)
    assert answer.status_code == 422
    assert "This file is neither" in answer.text and "My hours were cut" in answer.text
    assert adjustments(world) == []


def test_the_page_that_voids_shows_what_it_takes_back(
    client: FlaskClient, world: World, chapter: str
) -> None:
    allow_treasurers(world, 5_000)
    enter(client, world.logins[TREASURER])
    client.post(adjusting(chapter, world), data=asked(seen=str(OWED)))

    page = client.get(f"{chapter}/invoices/{world.ids['invoice_id']}/voiding").text

    assert "4000 Dues income" in page and "4900 Waivers and discounts" in page
