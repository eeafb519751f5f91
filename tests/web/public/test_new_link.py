"""An old pay link is dead, and leads to the new one without telling anybody anything."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests import factories
from tests.jobs import JobRunner
from tests.processor import fresh
from tests.web.api.conftest import program
from webapp import wiring
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.domain.billing import pay_link
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Chapter, Login, Organization, RoleName
from webapp.web.limits import limiter

FORGED = "AAAA-not-a-link-that-was-ever-mailed"
KEY = {"form_key": "pressed-twice"}


@dataclass
class Office:
    """A chapter whose treasurer is signed in, and an invoice of it."""

    organization: Organization
    chapter: Chapter
    treasurer: Login
    invoice: Invoice

    def token(self) -> str:
        return pay_link.token(fresh(Invoice, self.invoice.id), wiring.settings().secret_key)

    def link(self, token: str | None = None) -> str:
        return f"/o/{self.organization.slug}/pay/{token or self.token()}"

    @property
    def page(self) -> str:
        return f"/o/{self.organization.slug}/chapters/{self.chapter.code}/invoices/{self.invoice.id}"

    def renew(self) -> None:
        with transaction():
            pay_link.renew(Invoice.here().get(self.invoice.id, lock=True), by=self.treasurer)


@pytest.fixture
def office(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any], jobs: JobRunner
) -> Iterator[Office]:
    chapter, treasurer = factories.make_chapter(), factories.make_login("Tom Treasurer")
    factories.make_role(treasurer, RoleName.TREASURER, chapter=chapter)
    member = factories.make_member(chapter, factories.make_status())
    invoice = factories.make_invoice(member=member)
    jobs.run_all()
    sign_in(client, treasurer)
    limiter.reset()
    yield Office(organization, chapter, treasurer, invoice)
    limiter.reset()


def new_links() -> list[Mail]:
    db.session.rollback()
    return list(Mail.here().all(Mail.kind == MailKind.NEW_LINK, order_by=Mail.id))


def words(answer: TestResponse) -> str:
    """What the page says, without what is made anew for each page."""
    return re.sub(r"<[^>]+>", " ", answer.text)


def test_a_new_link_ends_the_old_one_and_is_shown_mailed_and_remembered(
    office: Office, client: FlaskClient, jobs: JobRunner
) -> None:
    old = office.link()
    made = client.post(f"{office.page}/pay-link", data=KEY)
    assert made.status_code == 303
    assert office.link() != old
    assert office.token() in client.get(made.location).text
    assert client.get(old).status_code == 404 and client.get(f"{old}/pdf").status_code == 404
    assert client.get(office.link()).status_code == 200
    jobs.run_all()
    (mail,) = new_links()
    assert office.token() in wiring.mail_folder().read(str(mail.id)).text
    (noted,) = AuditEntry.here().all(AuditEntry.action == "pay_link_renewed")
    assert (noted.by_name, noted.before, noted.after) == ("Tom Treasurer", {"version": 1}, {"version": 2})
    history = client.get(office.page).text
    assert "New pay link made" in history and "New link sent" in history


@pytest.mark.case("F13")
def test_a_double_click_makes_one_new_link(office: Office, client: FlaskClient, jobs: JobRunner) -> None:
    for _ in range(2):
        assert client.post(f"{office.page}/pay-link", data=KEY).status_code == 303
    jobs.run_all()
    assert fresh(Invoice, office.invoice.id).pay_link_version == 2
    assert len(new_links()) == 1


@pytest.mark.parametrize("part", ["", "/pdf", "/checkouts"])
def test_an_old_link_offers_to_mail_the_newest_one(office: Office, client: FlaskClient, part: str) -> None:
    old = office.link()
    office.renew()
    gone = client.post(f"{old}{part}") if part == "/checkouts" else client.get(f"{old}{part}")
    assert gone.status_code == 404
    assert "Send me a new link" in gone.text and f'action="{old}/new-links"' in gone.text
    assert office.invoice.number not in gone.text


def test_who_asks_with_an_old_link_gets_the_newest_one_at_the_address_on_file(
    office: Office, client: FlaskClient, jobs: JobRunner
) -> None:
    old = office.link()
    office.renew()
    jobs.run_all()
    for mail in new_links():
        with transaction() as session:
            session.delete(session.merge(mail))
    for _ in range(2):
        assert client.post(f"{old}/new-links", data=KEY).status_code == 200
    jobs.run_all()
    (mail,) = new_links()
    assert mail.recipient == fresh(factories.Member, office.invoice.member_id).email
    assert office.token() in wiring.mail_folder().read(str(mail.id)).text
    assert client.get(office.link()).status_code == 200, "asking does not end the link that works"


@pytest.mark.case("A1")
def test_everybody_who_asks_gets_the_same_answer(
    office: Office, client: FlaskClient, jobs: JobRunner
) -> None:
    old = office.link()
    office.renew()
    other = factories.make_organization("Other Union")
    foreign = old.replace(office.organization.slug, other.slug)
    links = [old, office.link(), office.link(FORGED)]
    answers = [client.post(f"{link}/new-links") for link in links]
    assert {answer.status_code for answer in answers} == {200}
    assert len({words(answer) for answer in answers}) == 1
    pages = [client.get(link) for link in (old, office.link(FORGED))]
    assert len({words(page) for page in pages}) == 1
    jobs.run_all()
    before = len(new_links())
    assert client.post(f"{foreign}/new-links").status_code == 200
    assert client.post(f"{office.link(FORGED)}/new-links").status_code == 200
    jobs.run_all()
    assert len(new_links()) == before


def test_asking_too_often_is_refused_for_true_and_for_forged_links_alike(
    office: Office, client: FlaskClient
) -> None:
    old = office.link()
    office.renew()
    for link in (old, office.link(FORGED)):
        codes = [client.post(f"{link}/new-links").status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]


def test_without_an_address_the_link_is_copied_and_nothing_is_mailed(
    office: Office, client: FlaskClient, jobs: JobRunner
) -> None:
    with transaction():
        factories.Member.here().get(office.invoice.member_id, lock=True).email = None
    page = client.get(f"{office.page}/pay-link").text
    assert "no email address on file" in page and office.token() in page
    client.post(f"{office.page}/pay-link")
    jobs.run_all()
    assert [mail.is_on_paper for mail in new_links()] == [True]


def test_a_void_invoice_gets_no_new_link(office: Office, client: FlaskClient) -> None:
    with transaction():
        voided = Invoice.here().get(office.invoice.id, lock=True)
        voided.void(by=office.treasurer, reason="Billed by mistake", on=office.organization.today)
    assert client.post(f"{office.page}/pay-link").status_code == 409
    page = client.get(f"{office.page}/pay-link")
    assert page.status_code == 200 and office.token() not in page.text


def test_an_auditor_sees_no_link_and_makes_none(
    office: Office, client: FlaskClient, sign_in: Callable[..., Any]
) -> None:
    auditor = factories.make_login("Olga Auditor")
    factories.make_role(auditor, RoleName.AUDITOR)
    sign_in(client, auditor)
    page = client.get(f"{office.page}/pay-link")
    assert page.status_code == 200
    assert office.token() not in page.text and "Make a new link" not in page.text
    assert client.post(f"{office.page}/pay-link").status_code == 403


def test_a_program_makes_a_new_link_once_per_key_and_not_beyond_its_chapter(
    office: Office, client: FlaskClient, jobs: JobRunner
) -> None:
    mine = program(client, office.organization, RoleName.TREASURER, office.chapter)
    theirs = program(client, office.organization, RoleName.TREASURER, factories.make_chapter("BET", "Beta"))
    address = f"/api/invoices/{office.invoice.id}/pay-link/"
    assert theirs.post(address).status_code == 404
    made = [mine.post(address, key="once") for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json == made[1].json
    assert made[0].json["pay_url"].endswith(office.link())
    assert fresh(Invoice, office.invoice.id).pay_link_version == 2
