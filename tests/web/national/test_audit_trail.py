"""The audit trail: in words, from where, on the page of each thing, and for programs."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.web.api.conftest import program
from tests.web.world import ADMIN, AUDITOR, TREASURER, World, enter
from webapp.core import tenancy
from webapp.core.audit import AuditEntry, record
from webapp.core.db import transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Member, RoleName

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def trail(world: World) -> str:
    return f"/o/{world.organization.slug}/national/audit-trail/"


def note(world: World, action: str, subject: Any, **facts: Any) -> None:
    with tenancy.acting_for(world.organization.id), transaction():
        record(action, subject, by=None, **facts)


def void(client: FlaskClient, world: World) -> None:
    address = f"/o/{world.organization.slug}/national/invoices/{world.ids['invoice_id']}/voiding"
    answer = client.post(address, data={"reason": "Entered twice"}, headers={"User-Agent": FIREFOX})
    assert answer.status_code == 303


def open_invoice(world: World) -> Invoice:
    """One that all of its 400.00 is owed on."""
    with tenancy.acting_for(world.organization.id):
        found = Invoice.here().first(Invoice.owed == 40_000, Invoice.voided_at.is_(None))
    assert found is not None
    world.ids["invoice_id"] = found.id
    return found


def test_an_entry_says_in_words_who_changed_what_and_from_where(
    client: FlaskClient, world: World, trail: str
) -> None:
    invoice = open_invoice(world)
    enter(client, world.logins[ADMIN])
    void(client, world)

    page = client.get(f"{trail}?subject={invoice.id}").text

    assert world.logins[ADMIN].name in page
    assert "Firefox on Linux" in page and "127.0.0.1" in page and "request " in page
    assert f"Invoice {invoice.number}</a>" in page
    assert "<del>$400.00</del>" in page and "Entered twice" in page


def test_values_read_as_people_write_them(client: FlaskClient, world: World, trail: str) -> None:
    with tenancy.acting_for(world.organization.id):
        member = Member.here().get(world.ids["member_id"])
    before = {"chapter_id": str(world.chapter.id), "joined_on": "2025-09-01", "payroll_deduction": False}
    after = {
        "chapter_id": None,
        "joined_on": "2025-13-01",
        "payroll_deduction": True,
        "reminder_days": [-7, 3],
    }
    note(world, "corrected", member, before=before, after=after)
    enter(client, world.logins[AUDITOR])

    page = client.get(f"{trail}?subject={member.id}").text

    assert "<del>Alpha Chapter</del>" in page
    assert "<del>Sep 1, 2025</del> → <ins>2025-13-01</ins>" in page
    assert "<del>no</del> → <ins>yes</ins>" in page
    assert "<ins>-7, 3</ins>" in page


def test_it_is_searched_by_what_stands_in_the_values(client: FlaskClient, world: World, trail: str) -> None:
    note(world, "moved", world.chapter, after={"address": "12 Elm Street"})
    note(world, "moved", world.chapter, after={"address": "7 Oak Street"})
    enter(client, world.logins[AUDITOR])

    found = client.get(f"{trail}?q=elm+street&format=csv").text

    assert "12 Elm Street" in found and "7 Oak Street" not in found


def test_kinds_are_those_that_something_is_noted_about(client: FlaskClient, world: World, trail: str) -> None:
    enter(client, world.logins[AUDITOR])
    page = client.get(trail).text
    assert '<option value="chapters">' not in page

    note(world, "moved", world.chapter)

    assert '<option value="chapters">Chapter</option>' in client.get(trail).text


def test_the_page_of_a_thing_leads_auditors_and_admins_to_its_history(
    client: FlaskClient, world: World
) -> None:
    invoice = world.ids["invoice_id"]
    national = f"/o/{world.organization.slug}/national/invoices/{invoice}"
    own = f"/o/{world.organization.slug}/chapters/{world.chapter.code}/invoices/{invoice}"
    for who, page, shown in ((AUDITOR, national, True), (ADMIN, national, True), (TREASURER, own, False)):
        enter(client, world.logins[who])
        assert (f"audit-trail/?subject={invoice}" in client.get(page).text) is shown, who


def test_a_treasurer_does_not_read_the_organizations_trail(
    client: FlaskClient, world: World, trail: str
) -> None:
    enter(client, world.logins[TREASURER])
    assert client.get(trail).status_code == 403


def test_what_a_browser_says_of_itself_is_kept_short_and_plain(
    client: FlaskClient, world: World, trail: str
) -> None:
    open_invoice(world)
    enter(client, world.logins[ADMIN])
    address = f"/o/{world.organization.slug}/national/invoices/{world.ids['invoice_id']}/voiding"
    hostile = "<script>alert(1)</script>\x07" + "x" * 900
    client.post(address, data={"reason": "Why not"}, headers={"User-Agent": hostile})

    with tenancy.acting_for(world.organization.id):
        [entry] = AuditEntry.here().all(AuditEntry.action == "voided")
    assert entry.browser is not None and len(entry.browser) == 300 and "\x07" not in entry.browser
    assert "<script>alert(1)" not in client.get(trail).text


def test_a_program_reads_the_trail_and_its_own_changes_name_its_token(
    client: FlaskClient, world: World
) -> None:
    invoice = open_invoice(world)
    admin = program(client, world.organization, RoleName.NATIONAL_ADMIN)
    assert admin.post(f"/api/invoices/{invoice.id}/void/", {"reason": "Entered twice"}).status_code == 200

    answer = admin.get("audit-trail/", query_string={"subject": str(invoice.id), "kind": "invoices"})

    [entry] = answer.get_json()["data"]
    assert entry["action"] == "voided" and entry["before"] == {"owed": 40_000}
    assert entry["token_id"] is not None and entry["address"] == "127.0.0.1"


THINGS = {
    "invoices/{invoice_id}": "invoice_id",
    "payments/{payment_id}/": "payment_id",
    "payments/batches/{batch_id}/": "batch_id",
    "credit-notes/{note_id}/": "note_id",
    "disputes/{dispute_id}/": "dispute_id",
    "adjustments/{adjustment_id}": "adjustment_id",
    "members/{member_id}/": "member_id",
}


@pytest.mark.parametrize("page", THINGS)
def test_everything_that_money_moves_by_has_its_history_on_its_page(
    client: FlaskClient, world: World, page: str
) -> None:
    enter(client, world.logins[ADMIN])
    address = f"/o/{world.organization.slug}/national/{page.format(**world.ids)}"
    shown = client.get(address, follow_redirects=True)
    assert shown.status_code == 200
    assert f"audit-trail/?subject={world.ids[THINGS[page]]}" in shown.text


def test_what_is_about_money_leads_from_the_trail_to_its_page(
    client: FlaskClient, world: World, trail: str
) -> None:
    enter(client, world.logins[ADMIN])
    for kind, name in (("credit_notes", "note_id"), ("adjustments", "adjustment_id")):
        page = client.get(f"{trail}?kind={kind}").text
        assert str(world.ids[name]) in page, kind
