"""A statement as a page, a file, on paper and for programs: of a member, a chapter and the organization."""

import io
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader

from tests import factories
from tests.processor import fresh
from tests.web.api.conftest import program
from webapp.core.db import transaction
from webapp.domain.approvals import Action
from webapp.domain.billing.adjusting import adjust
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import AdjustmentKind
from webapp.domain.billing.invoice import Invoice
from webapp.domain.credits import goodwill
from webapp.domain.ledger import Code, Event, JournalEntry, Move, Side, post, reverse
from webapp.domain.organizations import Chapter, Login, Member, Organization, RoleName
from webapp.domain.payments import voiding
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.domain.reporting import statements
from webapp.domain.reporting.statement_events import Account

ISSUED = date(2026, 7, 1)


@pytest.fixture
def chapter(organization: Organization) -> Chapter:
    return factories.make_chapter()


@pytest.fixture
def invoice(chapter: Chapter) -> Invoice:
    return factories.make_invoice(member=factories.make_member(chapter, factories.make_status()))


@pytest.fixture
def treasurer(chapter: Chapter, client: FlaskClient, sign_in: Callable[..., Any]) -> Login:
    """Signed in."""
    login = factories.make_login("Tom Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=chapter)
    sign_in(client, login)
    return login


def pay(invoice: Invoice, amount: int, on: date) -> None:
    with transaction():
        record_offline(Member.here().get(invoice.member_id), amount, method=Method.CHECK, on=on, by=None)


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_each_event_stands_on_it_with_what_was_owed_afterwards(invoice: Invoice) -> None:
    pay(invoice, 14_000, ISSUED + timedelta(5))
    with transaction():
        fee = Change(AdjustmentKind.FEE, 2_000, "Agreed")
        adjust(Invoice.here().get(invoice.id, lock=True), fee, by=None, on=ISSUED + timedelta(7))
    with transaction():
        voiding.void(invoice.id, by=None, reason="Billed in error", on=ISSUED + timedelta(9))
    found = statements.statement(Account(invoice.member_id), ISSUED, ISSUED + timedelta(30))
    assert [(line.sentence, line.amount, line.balance) for line in found.all()] == [
        (f"Invoice {invoice.number}", 10_000, 10_000),
        ("Payment: Check", -14_000, -4_000),
        (f"Adjustment, invoice {invoice.number}", 2_000, -2_000),
        (f"Invoice {invoice.number} voided", -12_000, -14_000),
    ]
    assert (found.opening, found.closing, found.agrees) == (0, -14_000, True)


def test_money_that_is_held_and_then_settles_an_invoice_is_no_event(
    chapter: Chapter, invoice: Invoice
) -> None:
    """Also goodwill, which counts when it is given."""
    member = Member.here().get(invoice.member_id)
    admin = factories.make_admin()
    factories.allow_alone(RoleName.NATIONAL_ADMIN, Action.ADJUSTMENT, None)
    with transaction():
        goodwill.give(member, 500, reason="The hall was closed", by=admin, on=ISSUED + timedelta(2))
    found = statements.statement(Account(member.id), ISSUED + timedelta(1), ISSUED + timedelta(30))
    assert found.opening == 10_000
    assert [line.sentence[:20] for line in found.all()] == ["Goodwill, credit not"]
    assert found.agrees


def test_who_moved_pays_the_chapter_of_before_from_the_money_of_the_new_one(
    chapter: Chapter, invoice: Invoice
) -> None:
    other = factories.make_chapter("BET", "Beta Chapter")
    with transaction():
        Member.here().get(invoice.member_id).chapter_id = other.id
    later = factories.make_invoice(2_000, member=fresh(Member, invoice.member_id))
    pay(invoice, 12_000, ISSUED + timedelta(5))
    assert fresh(Invoice, later.id).owed == 0
    for account in (Account(chapter_id=chapter.id), Account(chapter_id=other.id), Account()):
        found = statements.statement(account, ISSUED, ISSUED + timedelta(30))
        assert (found.closing, found.agrees) == (0, True)
    mine = statements.statement(Account(chapter_id=chapter.id), ISSUED, ISSUED + timedelta(30))
    assert [line.amount for line in mine.all()] == [10_000, -10_000]


def test_a_statement_that_the_books_contradict_says_so(
    organization: Organization, client: FlaskClient, treasurer: Login, chapter: Chapter, invoice: Invoice
) -> None:
    home = f"/o/{organization.slug}/chapters/{chapter.code}/"
    page = f"{home}members/{invoice.member_id}/statement/?since={ISSUED}"
    assert "do not agree" not in client.get(page).text
    owing = Side(Code.RECEIVABLE, chapter.id, invoice.member_id)
    with transaction():
        wrong = post(
            Event.ADJUSTMENT,
            source=Invoice.here().get(invoice.id),
            moves=[Move(100, owing, Side(Code.OTHER_INCOME, chapter.id))],
            on=ISSUED,
            by=None,
            description="No document says this",
        )
    shown = text_of(client.get(page).text)
    assert "The documents come to $100.00, the books to $101.00. Do not rely on this statement" in shown
    with transaction():
        reverse(
            JournalEntry.here().get(wrong),
            source=Invoice.here().get(invoice.id),
            on=ISSUED,
            by=None,
            description="Taken back",
        )


def test_page_file_paper_and_program_say_the_same(
    organization: Organization, client: FlaskClient, treasurer: Login, chapter: Chapter, invoice: Invoice
) -> None:
    pay(invoice, 4_000, ISSUED + timedelta(5))
    asked = f"?since={ISSUED + timedelta(1)}&until={ISSUED + timedelta(30)}"
    here = f"/o/{organization.slug}/chapters/{chapter.code}/members/{invoice.member_id}/statement/{asked}"
    shown = text_of(client.get(here).text)
    assert "Owed before Jul 2, 2026 $100.00" in shown and "$60.00" in shown and "Payment: Check" in shown
    lines = client.get(here + "&format=csv").text.splitlines()
    assert lines[1].split(",")[:3] == [str(ISSUED + timedelta(5)), "received", "Payment: Check"]
    assert lines[1].split(",")[-3:] == ["-40.00", "60.00", "USD"]
    paper = PdfReader(io.BytesIO(client.get(here + "&format=pdf").data))
    words = " ".join(page.extract_text() for page in paper.pages)
    assert "Statement of account" in words and "Payment: Check" in words and "$60.00" in words
    address = f"/api/members/{invoice.member_id}/statement/?date_from={ISSUED + timedelta(1)}"
    told = program(client, organization, RoleName.TREASURER, chapter).get(address)
    assert (told.json["opening"], told.json["closing"], told.json["agrees"]) == (10_000, 6_000, True)
    assert [(one["kind"], one["amount"], one["balance"]) for one in told.json["lines"]] == [
        ("received", -4_000, 6_000)
    ]
