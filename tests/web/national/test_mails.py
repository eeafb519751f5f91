import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests import factories
from tests.jobs import JobRunner
from webapp.core.db import transaction
from webapp.domain.notifications.delivery import Mail, MailState
from webapp.domain.organizations import Member, Organization, RoleName


@pytest.fixture
def office(organization: Organization, client: FlaskClient, sign_in: Callable[..., Any]) -> str:
    """The national admin is signed in; the address of the office's pages."""
    sign_in(client, factories.make_admin())
    return f"/o/{organization.slug}/national"


def only_mail() -> Mail:
    (mail,) = Mail.here().all()
    return mail


def test_the_list_shows_each_mail_with_its_outcome_and_filters_by_its_address(
    office: str, client: FlaskClient, jobs: JobRunner
) -> None:
    invoice = factories.make_invoice()
    jobs.run_all()
    page = client.get(f"{office}/mails/")
    assert page.status_code == 200
    assert invoice.number in page.text and "Sent" in page.text
    assert "No mails match" in client.get(f"{office}/mails/?state=failed").text
    assert client.get(f"{office}/mails/?state=nonsense").status_code == 422
    rows = list(
        csv.DictReader(io.StringIO(client.get(f"{office}/mails/?format=csv&q={invoice.number}").text))
    )
    assert [(row["kind"], row["state"], row["invoice"]) for row in rows] == [
        ("invoice", "sent", invoice.number)
    ]


@pytest.mark.case("K23")
def test_a_failed_mail_is_sent_again_to_the_corrected_address(
    office: str, client: FlaskClient, jobs: JobRunner, organization: Organization
) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    member = factories.make_member(chapter, status, email="not an address")
    factories.make_invoice(member=member)
    jobs.run_all()
    mail = only_mail()
    assert mail.state is MailState.FAILED
    assert "is not an email address" in client.get(f"{office}/mails/?state=failed").text
    with transaction() as session:
        session.get_one(Member, (organization.id, member.id)).email = "ana@members.example.org"
    answer = client.post(f"{office}/mails/{mail.id}/deliveries")
    assert answer.status_code == 303
    jobs.run_all()
    with transaction() as session:
        session.refresh(mail)
    assert (mail.state, mail.recipient) == (MailState.SENT, "ana@members.example.org")


def test_invoices_of_members_without_an_address_are_found_for_printing(
    office: str, client: FlaskClient, jobs: JobRunner
) -> None:
    member = factories.make_member(factories.make_chapter(), factories.make_status(), email=None)
    invoice = factories.make_invoice(member=member)
    jobs.run_all()
    page = client.get(f"{office}/mails/?state=on_paper").text
    assert f"/invoices/{invoice.id}/pdf" in page and "Print the invoice instead" in page
    refused = client.post(f"{office}/mails/{only_mail().id}/deliveries")
    assert refused.status_code == 409 and "no email address" in refused.text


def test_an_auditor_sees_mails_and_sends_none(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any], jobs: JobRunner
) -> None:
    login = factories.make_login("Olga Auditor")
    factories.make_role(login, RoleName.AUDITOR)
    sign_in(client, login)
    factories.make_invoice()
    jobs.run_all()
    mails = f"/o/{organization.slug}/national/mails/"
    page = client.get(mails)
    assert page.status_code == 200 and "Send again" not in page.text
    assert client.post(f"{mails}{only_mail().id}/deliveries").status_code == 403


def test_a_stranger_finds_no_mails(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any]
) -> None:
    sign_in(client, factories.make_login("Nobody"))
    assert client.get(f"/o/{organization.slug}/national/mails/").status_code == 404
    assert client.get(f"/o/{organization.slug}/national/reminders/").status_code == 404


def test_tomorrows_reminders_are_shown_before_they_leave(
    office: str, client: FlaskClient, organization: Organization
) -> None:
    assert "Nobody is reminded tomorrow" in client.get(f"{office}/reminders/").text
    tomorrow = organization.today + timedelta(days=1)
    invoice = factories.make_invoice(due_on=tomorrow, grace_ends_on=tomorrow)
    page = client.get(f"{office}/reminders/")
    assert invoice.number in page.text and "Due today" in page.text
    rows = list(csv.DictReader(io.StringIO(client.get(f"{office}/reminders/?format=csv").text)))
    assert [(row["invoice"], row["days_after_due"], row["owed"]) for row in rows] == [
        (invoice.number, "0", "100.00")
    ]


def test_kept_mails_can_be_read_where_none_is_really_sent(
    app: Flask, organization: Organization, client: FlaskClient, jobs: JobRunner
) -> None:
    invoice = factories.make_invoice()
    jobs.run_all()
    name = only_mail().id
    assert invoice.number in client.get("/mailbox/").text
    assert "See and pay the invoice" in client.get(f"/mailbox/{name}").text
    shown = client.get(f"/mailbox/{name}/html")
    assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert invoice.number in shown.text
    attached = client.get(f"/mailbox/{name}/attachments/0")
    assert attached.data.startswith(b"%PDF") and attached.mimetype == "application/pdf"
    assert client.get(f"/mailbox/{name}/attachments/1").status_code == 404
    assert client.get("/mailbox/..%2F..%2Fsecrets").status_code == 404

    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = settings.model_copy(update={"mail_url": "smtp://mail.example.org"})
    gone = [client.get(address).status_code for address in ("/mailbox/", f"/mailbox/{name}")]
    app.config["SETTINGS"] = settings
    assert gone == [404, 404]
