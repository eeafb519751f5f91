"""Who is charged tomorrow and who was: on the page, as a file and for programs; and what the member hears."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.jobs import JobRunner
from tests.postmaster import Postmaster
from tests.processor import Shop, fresh
from tests.web.api.conftest import Program, program
from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.billing.settings import DuesSettings, LateFeeKind
from webapp.domain.notifications import daily
from webapp.domain.organizations import Chapter, Organization, RoleName
from webapp.domain.payments.checkout import Checkout, CheckoutState


@pytest.fixture
def chapter(organization: Organization, client: FlaskClient, sign_in: Callable[..., Any]) -> Chapter:
    """Its treasurer is signed in."""
    made, login = factories.make_chapter(), factories.make_login("Tom Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=made)
    sign_in(client, login)
    return made


def late_tomorrow(organization: Organization, chapter: Chapter, status: str = "undergraduate") -> Invoice:
    due_on = organization.today - timedelta(days=15)
    member = factories.make_member(chapter, factories.make_status(status), email=f"{status}@example.org")
    return factories.make_invoice(member=member, due_on=due_on, grace_ends_on=due_on)


def pass_night(organization: Organization) -> None:
    with transaction():
        daily.pass_day(organization, organization.today + timedelta(days=1), wiring.links())


def test_a_treasurer_sees_tomorrows_fees_of_the_own_chapter_and_afterwards_finds_them_charged(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    other = factories.make_chapter("BET", "Beta Chapter")
    mine, theirs = late_tomorrow(organization, chapter), late_tomorrow(organization, other, "alumni")
    here = f"/o/{organization.slug}/chapters/{chapter.code}/late-fees/"

    shown = client.get(here).text
    assert mine.number in shown and theirs.number not in shown
    assert "1 fee, $25.00 in all" in shown
    assert "The usual rule: $25.00 when an invoice is unpaid more than 15 days after its due date." in shown

    pass_night(organization)

    assert "Nobody is charged tomorrow" in client.get(here).text
    charged = client.get(here + "?show=charged").text
    assert mine.number in charged and theirs.number not in charged
    lines = client.get(here + "?show=charged&format=csv").text.splitlines()
    assert len(lines) == 2
    assert lines[1].split(",")[6:11] == ["10000", "100.00", "2500", "25.00", "USD"]


def test_the_member_is_told_with_the_invoice_as_it_is_now(
    organization: Organization, chapter: Chapter, jobs: JobRunner, postmaster: Postmaster
) -> None:
    invoice = late_tomorrow(organization, chapter)

    pass_night(organization)
    jobs.run_all()

    [mail] = [one for one in postmaster.arrived if "late fee" in str(one["Subject"])]
    text = mail.get_body(("plain",)).get_content()
    assert mail["Subject"] == f"Invoice {invoice.number}: a late fee of $25.00 was added"
    assert "$125.00" in text
    assert [part.get_filename() for part in mail.iter_attachments()] == [f"invoice-{invoice.number}.pdf"]


def test_whoever_has_the_page_open_is_not_asked_for_the_old_amount(shop: Shop) -> None:
    organization = db.session.get_one(Organization, tenancy.organization_id())
    due_on = organization.today - timedelta(days=15)
    invoice = factories.make_invoice(member=shop.member, due_on=due_on, grace_ends_on=due_on)
    page = shop.open(invoice)

    pass_night(organization)
    shop.work()

    assert fresh(Checkout, page.id).state is CheckoutState.CLOSED
    assert shop.open(fresh(Invoice, invoice.id)).amount == 12_500


def test_programs_read_tomorrows_fees_and_those_that_were_charged(
    organization: Organization, client: FlaskClient, chapter: Chapter
) -> None:
    invoice = late_tomorrow(organization, chapter)
    treasurer: Program = program(client, organization, RoleName.TREASURER, chapter)

    [foreseen] = treasurer.get("late-fees/preview/").json["data"]
    assert treasurer.get("late-fees/").json["data"] == []
    pass_night(organization)
    [charged] = treasurer.get("late-fees/").json["data"]

    for one in (foreseen, charged):
        assert (one["invoice_id"], one["amount"], one["owed"]) == (str(invoice.id), 2_500, 10_000)
        assert (one["source"], one["kind"], one["percent"], one["after_days"]) == (
            "standard",
            "flat",
            None,
            15,
        )
    assert treasurer.get("late-fees/preview/").json["data"] == []


def test_an_admin_gives_a_schedule_a_rule_of_its_own_and_says_from_when_fees_count(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any]
) -> None:
    sign_in(client, factories.make_admin())
    added = client.post(
        f"/o/{organization.slug}/national/schedules/",
        data={
            "name": "Roof", "kind": "special_assessment", "basis": "flat", "amount": "100",
            "late_fee_kind": "percent", "late_fee_percent": "2.5", "late_fee_maximum": "40",
            "late_fee_after_days": "10",
        },
    )  # fmt: skip
    refused = client.post(
        f"/o/{organization.slug}/national/schedules/",
        data={
            "name": "Pool",
            "kind": "special_assessment",
            "basis": "flat",
            "amount": "100",
            "late_fee_kind": "flat",
        },
    )

    assert (added.status_code, refused.status_code) == (303, 422)
    assert "Enter the flat late fee." in refused.text
    [roof] = AssessmentSchedule.here().all(AssessmentSchedule.name == "Roof")
    assert (roof.late_fee_kind, roof.late_fee_maximum, roof.late_fee_after_days) == (
        LateFeeKind.PERCENT,
        4_000,
        10,
    )


def test_programs_set_the_rules_too(organization: Organization, client: FlaskClient) -> None:
    admin = program(client, organization, RoleName.NATIONAL_ADMIN)

    changed = admin.patch(
        "dues-settings/", {"late_fees_since": "2026-07-01", "late_fee_goes_with_waiver": True}
    )
    schedule = admin.post(
        "assessment-schedules/",
        {
            "name": "Roof",
            "kind": "special_assessment",
            "basis": "flat",
            "amount": 100,
            "late_fee_kind": "none",
        },
    )

    assert (changed.status_code, schedule.status_code) == (200, 201)
    assert schedule.json["late_fee_kind"] == "none"
    settings = DuesSettings.of(organization)
    assert (str(settings.late_fees_since), settings.late_fee_goes_with_waiver) == ("2026-07-01", True)
