"""Closing the books through a day, opening them again, and what was posted into closed books all the same."""

import re
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.web.api.conftest import program
from tests.web.world import ADMIN, AUDITOR, TREASURER, World, enter
from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.domain import ledger
from webapp.domain.approvals import Action
from webapp.domain.billing.invoice import Invoice
from webapp.domain.ledger import ClosedSpan, Outcome, PostingDecision
from webapp.domain.organizations import Member, RoleName
from webapp.domain.payments.batches import ReceiptBatch
from webapp.domain.payments.payment import Payment

RECEIVED = date(2026, 7, 15)


@pytest.fixture
def national(world: World) -> str:
    return f"/o/{world.organization.slug}/national"


def close(world: World, through: date) -> None:
    with tenancy.acting_for(world.organization.id), transaction():
        ledger.close_through(through, by=world.logins[ADMIN], today=world.organization.today)


def spans(world: World) -> list[ClosedSpan]:
    """Closed from the beginning on, but for the fiscal year that the world has closed."""
    db.session.rollback()
    with tenancy.acting_for(world.organization.id):
        return [
            span
            for span in ClosedSpan.here().all()
            if span.is_from_the_beginning and span.ends_on.year > 2024
        ]


def body(world: World, **more: str) -> dict[str, object]:
    member_id = str(world.ids["member_id"])
    told = {"member_id": member_id, "amount": 100, "method": "check", "received_on": RECEIVED.isoformat()}
    return told | more


def test_an_admin_closes_the_books_through_a_day_and_opens_them_with_a_reason(
    client: FlaskClient, world: World, national: str
) -> None:
    enter(client, world.logins[ADMIN])
    assert client.post(f"{national}/closed-books/", data={"day": "2026-07-31"}).status_code == 303
    [span] = spans(world)
    assert span.is_closed and span.ends_on == date(2026, 7, 31)
    assert "Through Jul 31, 2026" in client.get(f"{national}/closed-books/").text

    reopening = f"{national}/closed-books/{span.id}/reopening"
    assert client.post(reopening, data={"reason": " "}).status_code == 422
    assert client.post(reopening, data={"reason": "A check was found"}).status_code == 303

    [span] = spans(world)
    assert not span.is_closed
    with tenancy.acting_for(world.organization.id):
        [entry] = AuditEntry.here().all(AuditEntry.action == "reopened")
    assert entry.reason == "A check was found" and entry.by_id == world.logins[ADMIN].id
    assert client.post(reopening, data={"reason": "Again"}).status_code == 409


def test_today_stays_open(client: FlaskClient, world: World, national: str) -> None:
    enter(client, world.logins[ADMIN])
    for day in (world.organization.today, world.organization.today + timedelta(days=9), date(1066, 1, 1)):
        answer = client.post(f"{national}/closed-books/", data={"day": day.isoformat()})
        assert answer.status_code == 422 and day.isoformat() in answer.text
    assert spans(world) == []


def test_an_auditor_reads_who_closed_what_and_is_offered_nothing(
    client: FlaskClient, world: World, national: str
) -> None:
    close(world, date(2026, 7, 31))
    enter(client, world.logins[AUDITOR])

    page = client.get(f"{national}/closed-books/").text

    assert (
        "Through Jul 31, 2026" in page
        and "Open again…" not in page
        and "Close the books</button>" not in page
    )
    assert client.post(f"{national}/closed-books/", data={"day": "2026-08-31"}).status_code == 403
    enter(client, world.logins[TREASURER])
    assert client.get(f"{national}/closed-books/").status_code == 403


def test_a_backdated_payment_is_refused_and_says_through_when(client: FlaskClient, world: World) -> None:
    close(world, date(2026, 7, 31))
    admin = program(client, world.organization, RoleName.NATIONAL_ADMIN)

    answer = admin.post("payments/", body(world))

    assert answer.status_code == 409 and "closed through 2026-07-31" in answer.get_json()["detail"]


def test_an_admin_posts_it_anyway_and_auditors_find_the_decision(
    client: FlaskClient, world: World, national: str
) -> None:
    close(world, date(2026, 7, 31))
    admin = program(client, world.organization, RoleName.NATIONAL_ADMIN)

    answer = admin.post("payments/", body(world, override_reason="It lay in the lock box"))

    assert answer.status_code == 201
    with tenancy.acting_for(world.organization.id):
        [decision] = PostingDecision.here().all(PostingDecision.outcome == Outcome.OVERRIDDEN)
        assert decision.reason == "It lay in the lock box" and decision.overridden_by_id is not None
    enter(client, world.logins[AUDITOR])
    found = client.get(f"{national}/journal/?decision=overridden").text
    assert found.count("Into closed books") == 1 and "It lay in the lock box" in found
    assert "It lay in the lock box" in client.get(f"{national}/journal/?decision=overridden&format=csv").text
    trail = client.get(f"{national}/audit-trail/?action=posted+into").text
    assert "Posted into closed books" in trail and "It lay in the lock box" in trail


@pytest.mark.case("A4")
def test_a_treasurer_can_not_post_into_closed_books_whatever_the_reason(
    client: FlaskClient, world: World
) -> None:
    close(world, date(2026, 7, 31))
    treasurer = program(client, world.organization, RoleName.TREASURER, world.chapter)

    answer = treasurer.post("payments/", body(world, override_reason="I insist"))

    assert answer.status_code == 409 and "Only a national admin" in answer.get_json()["detail"]
    with tenancy.acting_for(world.organization.id):
        assert Payment.here().all(Payment.received_on == RECEIVED) == []


def test_a_reason_given_for_open_books_overrides_nothing(client: FlaskClient, world: World) -> None:
    admin = program(client, world.organization, RoleName.NATIONAL_ADMIN)

    assert admin.post("payments/", body(world, override_reason="Just in case")).status_code == 201

    with tenancy.acting_for(world.organization.id):
        assert PostingDecision.here().all(PostingDecision.outcome == Outcome.OVERRIDDEN) == []


def typed(world: World, **more: str) -> dict[str, str]:
    with tenancy.acting_for(world.organization.id):
        number = Member.here().get(world.ids["member_id"]).number
    told = {
        "member": number,
        "amount": "1.00",
        "method": "check",
        "on": RECEIVED.isoformat(),
        "order": "oldest",
    }
    return told | more


def recorded(world: World, day: date) -> list[Payment]:
    db.session.rollback()
    with tenancy.acting_for(world.organization.id):
        return list(Payment.here().all(Payment.received_on == day, Payment.amount == 100))


def test_a_treasurer_who_dates_money_into_closed_books_is_offered_today(
    client: FlaskClient, world: World
) -> None:
    close(world, date(2026, 7, 31))
    payments = f"/o/{world.organization.slug}/chapters/{world.chapter.code}/payments"
    enter(client, world.logins[TREASURER])

    refused = client.get(f"{payments}/new", query_string=typed(world))

    assert refused.status_code == 422
    assert "The books are closed through 2026-07-31" in refused.text
    assert "Date it today" in refused.text and "anyway" not in refused.text
    forged = typed(world, closed_books="anyway", override_reason="I insist")
    assert client.post(f"{payments}/", data=forged).status_code == 422
    dated_today = typed(world, closed_books="today")
    shown = client.get(f"{payments}/new", query_string=dated_today)
    assert shown.status_code == 200 and "Record $1.00" in shown.text
    assert client.post(f"{payments}/", data=dated_today).status_code == 303
    assert recorded(world, RECEIVED) == [] and len(recorded(world, world.organization.today)) == 1


def test_a_national_admin_may_record_it_on_that_day_with_a_reason(
    client: FlaskClient, world: World, national: str
) -> None:
    close(world, date(2026, 7, 31))
    enter(client, world.logins[ADMIN])
    without = client.get(f"{national}/payments/new", query_string=typed(world, closed_books="anyway"))
    assert without.status_code == 422 and "Auditors read every such decision" in without.text

    said = typed(world, closed_books="anyway", override_reason="It lay in the lock box")
    assert client.get(f"{national}/payments/new", query_string=said).status_code == 200
    assert client.post(f"{national}/payments/", data=said).status_code == 303

    assert len(recorded(world, RECEIVED)) == 1
    with tenancy.acting_for(world.organization.id):
        [decision] = PostingDecision.here().all(PostingDecision.outcome == Outcome.OVERRIDDEN)
    assert decision.reason == "It lay in the lock box"
    assert decision.overridden_by_id == world.logins[ADMIN].id


def close_today(world: World) -> None:
    today = world.organization.today
    with tenancy.acting_for(world.organization.id), transaction():
        ledger.close_span(today, today, by=None)


def overridden(world: World) -> list[str | None]:
    db.session.rollback()
    with tenancy.acting_for(world.organization.id):
        found = PostingDecision.here().all(
            PostingDecision.outcome == Outcome.OVERRIDDEN, order_by=PostingDecision.id
        )
        return [decision.reason for decision in found]


def hidden(page: str) -> dict[str, str]:
    """What the form that asks why sends once more."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


FORMS = {
    "a reversal": ("payments/{payment_id}/reversal", {"reason": "Not hers"}),
    "a voiding": ("invoices/{invoice_id}/voiding", {"reason": "Billed twice"}),
    "a refund by check": (
        "invoices/{invoice_id}/refund",
        {"payment": "{payment_id}", "amount": "10.00", "how": "check", "check_number": "7", "reason": "Left"},
    ),
    "an adjustment": (
        "invoices/{invoice_id}/adjustments/",
        {"what": "waiver.lowers", "amount": "10.00", "reason": "The roof leaked", "seen": "{owed}"},
    ),
    "a write-off": (
        "invoices/{invoice_id}/adjustments/",
        {"what": "write_off.lowers", "amount": "10.00", "reason": "Moved away", "seen": "{owed}"},
    ),
    "goodwill": ("members/{member_id}/goodwill", {"amount": "10.00", "reason": "The hall was closed"}),
    "a credit note given back": (
        "credit-notes/{note_id}/release",
        {"amount": "10.00", "how": "check", "check_number": "7", "reason": "Left"},
    ),
    "credit taken off": ("credit-applications/{application_id}/undoing", {}),
    "a reallocation": ("allocations/{allocation_id}/undoing", {}),
    "a credit note used": ("credit-notes/{note_id}/application", {}),
    "a batch": ("payments/batches/{batch_id}/posting", {"sure": "y", "version": "{version}"}),
}
"""Every form that writes into the books without a day of its own, and a batch, whose day is the slip's."""


@pytest.mark.parametrize("form", FORMS)
def test_every_money_form_goes_into_closed_books_at_an_admins_word_alone(
    client: FlaskClient, world: World, national: str, form: str
) -> None:
    path, typed = FORMS[form]
    values = world.ids | prepared(world)
    address = f"{national}/{path.format(**values)}"
    enter(client, world.logins[ADMIN])
    shown = hidden(client.get(address).text)
    sent = {name: shown[name] for name in ("way", "seen") if name in shown}
    sent |= {name: text.format(**values) for name, text in typed.items()}

    refused = client.post(address, data=sent)

    assert refused.status_code == 409 and "The books are closed" in refused.text, refused.text
    assert overridden(world) == []
    again = hidden(refused.text)
    assert {name: again[name] for name in sent} == sent, "nothing typed is lost"
    silent = client.post(address, data=again | {"override_reason": " "})
    assert silent.status_code == 409 and "Say why." in silent.text
    done = client.post(address, data=again | {"override_reason": "The month was closed too early"})
    assert done.status_code == 303, done.text
    assert set(overridden(world)) == {"The month was closed too early"}


def prepared(world: World) -> dict[str, object]:
    """The admin may all of it alone, the batch can be posted, and then the books are closed."""
    for action in Action:
        with tenancy.acting_for(world.organization.id):
            factories.allow_alone(RoleName.NATIONAL_ADMIN, action, None)
    close_today(world)
    with tenancy.acting_for(world.organization.id), transaction():
        batch = ReceiptBatch.here().get(world.ids["batch_id"])
        ledger.close_span(batch.deposited_on, batch.deposited_on, by=None)
        return {"owed": Invoice.here().get(world.ids["invoice_id"]).owed, "version": batch.version}


def test_a_treasurer_reads_that_the_books_are_closed_and_has_no_way_in(
    client: FlaskClient, world: World
) -> None:
    prepared(world)
    enter(client, world.logins[TREASURER])
    address = f"/o/{world.organization.slug}/chapters/ALP/invoices/{world.ids['invoice_id']}/voiding"
    word = {"closed_books": "anyway", "override_reason": "I want it"}

    for sent in ({"reason": "Twice"}, {"reason": "Twice"} | word):
        answer = client.post(address, data=sent)
        assert answer.status_code == 409 and "Post it all the same" not in answer.text
    assert overridden(world) == []


def test_a_program_gives_its_word_and_a_treasurers_program_can_not(client: FlaskClient, world: World) -> None:
    prepared(world)
    body = {"reason": "Billed twice"}
    word = body | {"override_reason": "The month was closed too early"}
    address = f"/api/invoices/{world.ids['invoice_id']}/void/"
    with tenancy.acting_for(world.organization.id):
        chapter = world.chapter
        officer = program(client, world.organization, RoleName.TREASURER, chapter)
        admin = program(client, world.organization, RoleName.NATIONAL_ADMIN)

    assert officer.post(address, word).status_code == 409
    assert admin.post(address, body).status_code == 409
    assert admin.post(address, word).status_code == 200
    assert set(overridden(world)) == {"The month was closed too early"}
