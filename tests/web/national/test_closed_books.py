"""Closing the books through a day, opening them again, and what was posted into closed books all the same."""

from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient

from tests.web.api.conftest import program
from tests.web.world import ADMIN, AUDITOR, TREASURER, World, enter
from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.domain import ledger
from webapp.domain.ledger import ClosedSpan, Outcome, PostingDecision
from webapp.domain.organizations import Member, RoleName
from webapp.domain.payments.payment import Payment

RECEIVED = date(2026, 7, 15)


@pytest.fixture
def national(world: World) -> str:
    return f"/o/{world.organization.slug}/national"


def close(world: World, through: date) -> None:
    with tenancy.acting_for(world.organization.id), transaction():
        ledger.close_through(through, by=world.logins[ADMIN], today=world.organization.today)


def spans(world: World) -> list[ClosedSpan]:
    """Closed from the beginning on."""
    db.session.rollback()
    with tenancy.acting_for(world.organization.id):
        return [span for span in ClosedSpan.here().all() if span.is_from_the_beginning]


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
