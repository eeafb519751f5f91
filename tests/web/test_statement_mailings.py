"""Statements to many members at once: who gets one, by mail once or on paper, and who may send them."""

import csv
import io
import re
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import delete

from tests import factories
from tests.jobs import JobRunner
from tests.postmaster import Postmaster
from webapp import wiring
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, OutboxJob
from webapp.domain.billing.invoice import Invoice
from webapp.domain.bulk_actions import carrying_out, statement_mailing
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkResult, BulkState
from webapp.domain.ledger import Code, Event, JournalEntry, Move, Side, post, reverse
from webapp.domain.organizations import Chapter, Member, Organization, RoleName
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.workers.bulk_actions import carry_out_bulk_action
from webapp.workers.notifications import deliver

DAYS = {"since": "2026-07-01", "until": "2026-07-31"}


@pytest.fixture
def chapter(organization: Any) -> Chapter:
    return factories.make_chapter()


@pytest.fixture
def people(chapter: Chapter) -> dict[str, Member]:
    """By first name. Each owes 100.00 but Paid, who owes nothing any more, and Nowhere, who was never billed.
    What was mailed of that is long over: to draw what it brought takes longer than all the rest."""
    status = factories.make_status()
    reachable = {name: factories.make_member(chapter, status, first_name=name) for name in ("Ada", "Bea")}
    others = {
        "Paper": factories.make_member(chapter, status, first_name="Paper", email=None),
        "Unwilling": factories.make_member(chapter, status, first_name="Unwilling", statements_by_mail=False),
        "Paid": factories.make_member(chapter, status, first_name="Paid"),
    }
    factories.make_invoice(member=reachable["Ada"])
    nobody = factories.make_status("never billed", billable=False)
    with transaction():
        record_offline(others["Paid"], 10_000, method=Method.CASH, on=date(2026, 7, 5), by=None)
    others["Nowhere"] = factories.make_member(chapter, nobody, first_name="Nowhere")
    with transaction():
        db.session.execute(delete(OutboxJob).where(OutboxJob.name == Job.ANNOUNCE.work.name))
    return reachable | others


@pytest.fixture
def home(
    organization: Any, chapter: Chapter, people: Any, client: FlaskClient, sign_in: Callable[..., Any]
) -> str:
    """Of the chapter's treasurer, who is signed in."""
    login = factories.make_login("Tom Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=chapter)
    sign_in(client, login)
    return f"/o/{organization.slug}/chapters/{chapter.code.lower()}"


def choose(client: FlaskClient, home: str, readers: str = "owing", **typed: Any) -> str:
    answer = client.post(f"{home}/statement-mailings/", data=DAYS | {"readers": readers} | typed)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def confirm(client: FlaskClient, address: str, **typed: str) -> Any:
    found = re.search(r'name="seen"[^>]*value="([^"]*)"', client.get(address).text)
    assert found is not None
    return client.post(f"{address}confirmation", data={"seen": found[1], **typed})


def run(jobs: JobRunner) -> None:
    jobs.skip_pauses()
    jobs.run_all()


def id_of(address: str) -> UUID:
    return UUID(address.rstrip("/").rpartition("/")[2])


def outcomes(address: str) -> dict[str, tuple[str, str | None]]:
    """By first name: what became of it, and why."""
    db.session.rollback()
    found = BulkResult.here().select(BulkResult.action_id == id_of(address)).join(BulkResult.member)
    rows = db.session.execute(
        found.with_only_columns(Member.first_name, BulkResult.outcome, BulkResult.note)
    ).all()
    return {name: (outcome.value, note) for name, outcome, note in rows}


def to(postmaster: Postmaster, member: Member) -> list[Any]:
    return [letter for letter in postmaster.arrived if str(letter["To"]) == member.email]


def hand_over(mail_id: UUID | None) -> None:
    organization = db.session.get_one(Organization, factories.here())
    assert mail_id is not None
    with wiring.mailer_for(organization) as mailer:
        deliver(mail_id, mailer)


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_who_owes_something_gets_the_own_statement_as_a_pdf_and_the_others_are_named(
    client: FlaskClient, home: str, people: dict[str, Member], postmaster: Postmaster, jobs: JobRunner
) -> None:
    address = choose(client, home)
    page = words(client.get(address).text)
    assert "2 statements go out by mail, of July 1, 2026 to July 31, 2026" in page
    assert "There is no email address. 1" in page and "Asked not to get statements by mail. 1" in page
    assert not jobs.named("carry_out_bulk_action"), "nothing is sent before it is confirmed"

    assert confirm(client, address).status_code == 303
    run(jobs)

    assert sorted(postmaster.recipients) == sorted(str(people[name].email) for name in ("Ada", "Bea"))
    [letter] = to(postmaster, people["Ada"])
    assert letter["Subject"] == "Your statement of account, July 1, 2026 to July 31, 2026"
    assert "$100.00" in letter.get_body(("plain",)).get_content()
    [attached] = letter.iter_attachments()
    assert attached.get_filename() == f"statement-{people['Ada'].number}-2026-07-31.pdf"
    drawn = PdfReader(io.BytesIO(attached.get_content())).pages[0].extract_text()
    assert people["Ada"].name in drawn and "$100.00" in drawn and people["Bea"].name not in drawn
    assert outcomes(address) == {
        "Ada": ("done", None),
        "Bea": ("done", None),
        "Paper": ("left_out", "There is no email address."),
        "Unwilling": ("left_out", "Asked not to get statements by mail."),
    }
    page = words(client.get(address).text)
    assert "Finished" in page and "1 on paper" in page and people["Ada"].number in page


def test_whose_account_moved_and_everybody_are_more(client: FlaskClient, home: str) -> None:
    moved, everybody = choose(client, home, "moved"), choose(client, home, "everybody")
    assert set(outcomes(moved)) == {"Ada", "Bea", "Paper", "Unwilling", "Paid"}
    assert set(outcomes(everybody)) == {*outcomes(moved), "Nowhere"}
    nothing_yet = client.post(
        f"{home}/statement-mailings/",
        data={"since": "2020-01-01", "until": "2020-01-31", "readers": "owing"},
    )
    assert nothing_yet.status_code == 422 and "Nobody has such a statement" in nothing_yet.text


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ({"since": "2026-08-01"}, "The first day is after the last."),
        ({"until": "2999-01-01"}, "nobody knows what will happen"),
        ({"since": ""}, "Enter the first day."),
    ],
)
def test_days_that_make_no_statement_are_refused_and_nothing_typed_is_lost(
    client: FlaskClient, home: str, days: dict[str, str], sentence: str
) -> None:
    answer = client.post(f"{home}/statement-mailings/", data=DAYS | {"readers": "everybody"} | days)
    assert answer.status_code == 422 and sentence in answer.text
    assert re.search(r'checked[^>]*value="everybody"', answer.text)


def test_the_same_days_again_on_the_same_day_are_asked_back(
    client: FlaskClient, home: str, postmaster: Postmaster, jobs: JobRunner
) -> None:
    confirm(client, choose(client, home))
    run(jobs)
    again = choose(client, home)
    assert "You sent these on" in client.get(again).text
    assert confirm(client, again).status_code == 422
    assert len(postmaster.arrived) == 2
    other_days = choose(client, home, until="2026-07-30")
    assert "You sent these on" not in client.get(other_days).text

    assert confirm(client, again, again="y").status_code == 303
    run(jobs)
    assert len(postmaster.arrived) == 4


def test_whose_last_mail_came_back_is_left_out(
    client: FlaskClient, home: str, people: dict[str, Member], postmaster: Postmaster, jobs: JobRunner
) -> None:
    postmaster.unknown.add(str(people["Bea"].email))
    address = choose(client, home)
    confirm(client, address)
    run(jobs)
    outcome, note = outcomes(address)["Bea"]
    assert outcome == "refused" and "No such mailbox" in str(note)
    assert "could not be delivered. 1" in words(client.get(choose(client, home, until="2026-07-30")).text)

    client.post(f"{address}retry")
    run(jobs)
    assert outcomes(address)["Bea"][0] == "left_out"
    assert outcomes(address)["Ada"] == ("done", None) and len(to(postmaster, people["Ada"])) == 1


@pytest.mark.case("F25")
def test_a_worker_that_is_killed_anywhere_sends_nobody_two_and_leaves_nobody_out(
    client: FlaskClient, home: str, people: dict[str, Member], postmaster: Postmaster, jobs: JobRunner
) -> None:
    """One dies after the mail is written down, one after the server has it."""
    address = choose(client, home, "moved")
    confirm(client, address)
    first, second, *_ = carrying_out.waiting(id_of(address))
    db.session.rollback()
    with transaction():
        statement_mailing.write(first, wiring.links())
    with transaction():
        mail_id = statement_mailing.write(second, wiring.links())
    hand_over(mail_id)

    run(jobs)
    carry_out_bulk_action(id_of(address))

    assert sorted(postmaster.recipients) == sorted(str(people[name].email) for name in ("Ada", "Bea", "Paid"))
    assert {name: one for name, (one, _) in outcomes(address).items() if one == "done"} == dict.fromkeys(
        ("Ada", "Bea", "Paid"), "done"
    )


@pytest.mark.case("F25")
def test_a_server_that_dies_before_it_answers_gets_no_second_one(
    client: FlaskClient, home: str, postmaster: Postmaster, jobs: JobRunner
) -> None:
    postmaster.dies_after_data = 1
    address = choose(client, home)
    confirm(client, address)
    for _ in range(3):
        run(jobs)
    assert len(postmaster.arrived) == 2
    assert ("done", statement_mailing.MAY_HAVE_ARRIVED) in outcomes(address).values()


@pytest.mark.case("F25")
def test_whom_the_server_puts_off_has_another_turn_after_the_others(
    client: FlaskClient, home: str, postmaster: Postmaster, jobs: JobRunner
) -> None:
    postmaster.asks_to_wait = 1
    address = choose(client, home)
    confirm(client, address)
    run(jobs)
    assert len(postmaster.arrived) == len(set(postmaster.message_ids)) == 2
    assert outcomes(address)["Ada"] == outcomes(address)["Bea"] == ("done", None)


@pytest.mark.case("F25")
def test_while_the_mail_server_is_away_the_rest_waits_and_can_go_on(
    app: Flask, client: FlaskClient, home: str, postmaster: Postmaster, jobs: JobRunner
) -> None:
    reachable = app.config["SETTINGS"]
    app.config["SETTINGS"] = reachable.model_copy(update={"mail_url": "smtp://127.0.0.1:1"})
    address = choose(client, home)
    confirm(client, address)
    run(jobs)
    assert not postmaster.arrived and BulkAction.here().get(id_of(address)).state is BulkState.RUNNING
    app.config["SETTINGS"] = reachable
    run(jobs)
    assert len(postmaster.arrived) == 2
    assert BulkAction.here().get(id_of(address)).state is BulkState.FINISHED


def test_the_rest_is_stopped_and_what_left_stays_sent(
    client: FlaskClient, home: str, people: dict[str, Member], postmaster: Postmaster, jobs: JobRunner
) -> None:
    """While the first one leaves, somebody stops it."""
    address = choose(client, home)
    confirm(client, address)
    first, _ = carrying_out.waiting(id_of(address))
    db.session.rollback()
    with transaction():
        mail_id = statement_mailing.write(first, wiring.links())
    assert client.post(f"{address}cancellation").status_code == 303
    hand_over(mail_id)
    with transaction():
        statement_mailing.settle(first)
    run(jobs)
    assert len(postmaster.arrived) == 1
    assert sorted(one for one, _ in outcomes(address).values()) == ["cancelled", "done", *["left_out"] * 2]

    client.post(f"{address}retry")
    run(jobs)
    assert len(postmaster.arrived) == 2 == len(set(postmaster.recipients))


def test_a_statement_that_the_books_deny_is_not_sent(
    client: FlaskClient, home: str, people: dict[str, Member], postmaster: Postmaster, jobs: JobRunner
) -> None:
    member = people["Ada"]
    invoice = Invoice.here().all(Invoice.member_id == member.id)[0]
    owing = Side(Code.RECEIVABLE, member.chapter_id, member.id)
    with transaction():
        wrong = post(
            Event.ADJUSTMENT,
            source=Invoice.here().get(invoice.id),
            moves=[Move(100, owing, Side(Code.OTHER_INCOME, member.chapter_id))],
            on=invoice.issued_on,
            by=None,
            description="Books that no document tells",
        )
    address = choose(client, home)
    confirm(client, address)
    run(jobs)
    assert outcomes(address)["Ada"][0] == "left_out" and "do not agree" in str(outcomes(address)["Ada"][1])
    assert not to(postmaster, member) and outcomes(address)["Bea"] == ("done", None)
    with transaction():
        reverse(
            JournalEntry.here().get(wrong),
            source=Invoice.here().get(invoice.id),
            on=invoice.issued_on,
            by=None,
            description="Over",
        )


def test_members_without_an_address_get_theirs_in_one_file_to_print(
    client: FlaskClient, home: str, people: dict[str, Member], postmaster: Postmaster, jobs: JobRunner
) -> None:
    address = choose(client, home)
    confirm(client, address)
    run(jobs)
    assert client.get(f"{address}letters.pdf").status_code == 404
    assert "1 statement goes to somebody without an email address" in words(
        client.get(f"{address}letters").text
    )
    assert client.post(f"{address}letters").status_code == 303
    run(jobs)
    assert "Ready to print" in client.get(f"{address}letters").text
    file = PdfReader(io.BytesIO(client.get(f"{address}letters.pdf").data))
    assert len(file.pages) == 1 and people["Paper"].name in file.pages[0].extract_text()


def test_a_national_admin_sends_to_all_chapters_or_to_some(
    organization: Any, client: FlaskClient, home: str, sign_in: Callable[..., Any]
) -> None:
    other = factories.make_chapter("BET", "Beta Chapter")
    factories.make_invoice(
        member=factories.make_member(other, factories.make_status("other"), first_name="Cleo")
    )
    sign_in(client, factories.make_admin())
    national = f"/o/{organization.slug}/national"
    assert "Beta Chapter" in client.get(f"{national}/statement-mailings/new").text
    assert {"Ada", "Cleo"} <= set(outcomes(choose(client, national)))
    assert set(outcomes(choose(client, national, chapters=[str(other.id)]))) == {"Cleo"}
    stranger = client.post(
        f"{national}/statement-mailings/",
        data=DAYS | {"readers": "owing", "chapters": [str(organization.id)]},
    )
    assert stranger.status_code == 422


def test_a_treasurer_sends_to_nobody_of_another_chapter(
    client: FlaskClient, home: str, sign_in: Callable[..., Any]
) -> None:
    other = factories.make_chapter("BET", "Beta Chapter")
    factories.make_invoice(
        member=factories.make_member(other, factories.make_status("other"), first_name="Cleo")
    )
    asked = DAYS | {"readers": "everybody", "chapters": [str(other.id)]}
    assert client.post(f"{home}/statement-mailings/", data=asked).status_code == 422
    address = choose(client, home, "everybody")
    assert "Cleo" not in outcomes(address)
    neighbour = factories.make_login("Nia Neighbour")
    factories.make_role(neighbour, RoleName.TREASURER, chapter=other)
    sign_in(client, neighbour)
    assert client.get(address).status_code in (403, 404)
    theirs = address.replace("/alp/", "/bet/").replace("/ALP/", "/BET/")
    for page in (theirs, f"{theirs}letters", f"{theirs}letters.pdf"):
        assert client.get(page).status_code == 404


def test_the_result_of_each_member_is_a_file_too(
    client: FlaskClient, home: str, people: dict[str, Member], postmaster: Postmaster, jobs: JobRunner
) -> None:
    address = choose(client, home)
    confirm(client, address)
    run(jobs)
    rows = list(csv.DictReader(io.StringIO(client.get(f"{address}?format=csv").text)))
    assert {row["member_number"]: row["outcome"] for row in rows}[people["Ada"].number] == "done"
    assert len(rows) == 4
