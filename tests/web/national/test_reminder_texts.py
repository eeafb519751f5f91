"""Designing the reminders: steps, texts, a preview on a real invoice, a mail to oneself; pages and API."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.jobs import JobRunner
from tests.postmaster import Postmaster
from tests.web.api.conftest import program
from webapp import wiring
from webapp.core.db import db, transaction
from webapp.domain.billing import pay_link
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.notifications import daily, reminder_texts
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Login, Member, Organization, RoleName

SPANISH = {"subject": "Factura {number}", "text": "Hola {first_name}:\n\n{amount} <b>&", "button": "Pagar"}


@pytest.fixture
def admin(organization: Organization, client: FlaskClient, sign_in: Callable[..., Any]) -> Login:
    login = factories.make_admin()
    sign_in(client, login)
    return login


@pytest.fixture
def steps(organization: Organization, admin: Login) -> str:
    return f"/o/{organization.slug}/national/reminders/steps/"


def due_tomorrow(organization: Organization, **member: Any) -> Invoice:
    day = organization.today + timedelta(days=1)
    made = factories.make_member(factories.make_chapter(), factories.make_status(), **member)
    return factories.make_invoice(member=made, due_on=day, grace_ends_on=day)


def days(organization: Organization) -> list[int]:
    found = DuesSettings.of(organization).reminder_days
    db.session.rollback()
    return list(found)


def test_steps_are_added_and_taken_away(organization: Organization, client: FlaskClient, steps: str) -> None:
    assert "7 days before the due date" in client.get(steps).text
    client.post(steps, data={"count": "3", "when": "before"})
    assert days(organization) == [-7, -3, 0, 7, 21]
    again = client.post(steps, data={"count": "3", "when": "before"})
    assert again.status_code == 422 and "different whole numbers of days" in again.text
    client.post(f"{steps}-3/removal")
    assert days(organization) == [-7, 0, 7, 21]


def test_a_text_is_shown_on_a_real_invoice_while_it_is_written_and_nothing_is_saved(
    organization: Organization, client: FlaskClient, steps: str
) -> None:
    invoice = due_tomorrow(organization)
    address = f"{steps}0/text/preview?language=es"
    part = client.post(address, data=SPANISH, headers={"HX-Request": "true"})
    assert part.text.startswith('<div id="preview"') and f"Factura {invoice.number}" in part.text
    whole = client.post(address, data=SPANISH)
    assert "<h1>" in whole.text and "Hola Ana:" in whole.text and "&lt;b&gt;" in whole.text
    wrong = client.post(address, data=SPANISH | {"text": "{total}"})
    assert wrong.status_code == 422 and "{total} can&#39;t be used here." in wrong.text
    assert pay_link.token(invoice, wiring.settings().secret_key) not in whole.text
    assert reminder_texts.written() == {}


def test_what_was_written_is_mailed_escaped_in_the_members_language(
    organization: Organization, client: FlaskClient, steps: str, jobs: JobRunner, postmaster: Postmaster
) -> None:
    invoice = due_tomorrow(organization)
    with transaction() as session:
        session.get_one(Member, (organization.id, invoice.member_id)).language = "es"
    wrong = client.post(f"{steps}0/text?language=es", data=SPANISH | {"subject": "{pay_link}"})
    assert wrong.status_code == 422 and "Hola {first_name}" in wrong.text
    client.post(f"{steps}0/text?language=es", data=SPANISH)
    assert "Spanish" in client.get(steps).text
    assert "Spanish" in client.get(f"/o/{organization.slug}/national/reminders/").text
    with transaction():
        daily.pass_day(organization, organization.today + timedelta(days=1), wiring.links())
    jobs.run_all()
    [mail] = [one for one in postmaster.arrived if one["Subject"] == f"Factura {invoice.number}"]
    html = mail.get_body(("html",)).get_content()
    assert "&lt;b&gt;&amp;" in html and "Pagar" in html and "<b>&" not in html


def test_a_test_mail_goes_to_its_writer_alone_and_opens_no_invoice(
    organization: Organization,
    admin: Login,
    client: FlaskClient,
    steps: str,
    jobs: JobRunner,
    postmaster: Postmaster,
) -> None:
    nobody = client.post(f"{steps}7/text/test-mail?language=es", data=SPANISH)
    assert nobody.status_code == 422 and "no unpaid invoice yet" in nobody.text
    invoice = due_tomorrow(organization)
    answer = client.post(f"{steps}7/text/test-mail?language=es", data=SPANISH | {"form_key": "k" * 32})
    client.post(f"{steps}7/text/test-mail?language=es", data=SPANISH | {"form_key": "k" * 32})
    assert f"on its way to {admin.email}" in answer.text and "Hola {first_name}" in answer.text
    jobs.run_all()
    [mail] = [one for one in postmaster.arrived if str(one["Subject"]).startswith("Test: ")]
    assert (mail["To"], mail["Subject"]) == (admin.email, f"Test: Factura {invoice.number}")
    assert pay_link.token(invoice, wiring.settings().secret_key) not in mail.as_string()
    [row] = Mail.here().all(Mail.kind == MailKind.REMINDER_TEST)
    assert (row.invoice_id, row.member_id) == (None, None)
    assert reminder_texts.written() == {}


def test_no_step_and_no_language_that_is_not_offered_is_found(client: FlaskClient, steps: str) -> None:
    for address in (f"{steps}5/text", f"{steps}0/text?language=xx", f"{steps}0/text?language=../en"):
        assert client.get(address).status_code == 404


def test_what_another_admin_saved_meanwhile_is_not_overwritten_unseen(
    client: FlaskClient, steps: str, organization: Organization
) -> None:
    client.post(f"{steps}0/text?language=es", data=SPANISH)
    seen = '{"subject": "Factura", "text": "", "button": "Pagar"}'
    answer = client.post(f"{steps}0/text?language=es", data=SPANISH | {"subject": "Mine", "seen": seen})
    assert answer.status_code == 409 and "while your form was open" in answer.text and "Mine" in answer.text


def test_a_program_reads_and_sets_the_whole_sequence(organization: Organization, client: FlaskClient) -> None:
    office = program(client, organization, RoleName.NATIONAL_ADMIN)
    texts = [{"language": "es"} | SPANISH]
    told = office.patch("reminder-sequence/", {"steps": [{"days": 3, "texts": texts}, {"days": -1}]})
    assert told.json == {"steps": [{"days": -1, "texts": []}, {"days": 3, "texts": texts}]}
    assert days(organization) == [-1, 3]
    wrong = [{"language": "es"} | SPANISH | {"text": "{total}"}]
    refused = office.patch("reminder-sequence/", {"steps": [{"days": 3, "texts": wrong}]})
    assert refused.status_code == 422
    assert refused.json["errors"]["steps"].startswith("Day 3, “es”, text: {total} can't be used here.")
    assert office.get("reminder-sequence/").json == told.json
    emptied = office.patch("reminder-sequence/", {"steps": [{"days": 3}]})
    assert emptied.json == {"steps": [{"days": 3, "texts": []}]}


def test_reminders_to_a_member_are_paused_on_the_page_and_by_programs(
    organization: Organization, client: FlaskClient, admin: Login
) -> None:
    invoice = due_tomorrow(organization)
    office = program(client, organization, RoleName.NATIONAL_ADMIN)
    member, until = f"members/{invoice.member_id}/", str(organization.today + timedelta(days=9))
    page = f"/o/{organization.slug}/national/{member}"
    client.post(page + "mail", data={"reminders_paused_until": until, "language": "de"})
    assert "Paused" in client.get(page).text and "in German" in client.get(page).text
    told = office.get(member).json
    assert (told["reminders_paused_until"], told["language"]) == (until, "de")
    assert "Nobody is reminded tomorrow" in client.get(f"/o/{organization.slug}/national/reminders/").text
    told = office.patch(member, {"reminders_paused_until": None}).json
    assert (told["reminders_paused_until"], told["language"]) == (None, "de")
    assert office.patch(member, {"language": "xx"}).status_code == 422


def test_a_mail_that_fails_shows_at_the_member_until_one_arrives_there(
    organization: Organization, client: FlaskClient, admin: Login, jobs: JobRunner
) -> None:
    invoice = due_tomorrow(organization, email="not an address")
    jobs.run_all()
    here = f"/o/{organization.slug}/national/members/"
    for address in (here, f"{here}{invoice.member_id}/", f"{here}{invoice.member_id}/mail"):
        assert "Mail fails" in (page := client.get(address).text) or "could not be delivered" in page
    with transaction() as session:
        session.get_one(Member, (organization.id, invoice.member_id)).email = "ana@members.example.org"
    assert "Mail fails" not in client.get(here).text
