import subprocess
from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from tests import factories
from tests.jobs import JobRunner
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, later
from webapp.domain.billing import pay_link
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications.invoice_pdf import InvoicePdf
from webapp.domain.organizations import Organization, RoleName
from webapp.wiring import settings


def is_letter(answer: Any, invoice: Invoice) -> bool:
    words = subprocess.run(["pdftotext", "-", "-"], input=answer.data, capture_output=True, check=True)
    return (
        answer.status_code == 200
        and answer.mimetype == "application/pdf"
        and f'filename="invoice-{invoice.number}.pdf"' in answer.headers["Content-Disposition"]
        and invoice.number in words.stdout.decode()
    )


def token_of(invoice: Invoice) -> str:
    return pay_link.token(invoice, settings().secret_key)


def drawings() -> list[str]:
    found = [one.content_hash for one in InvoicePdf.here().all()]
    db.session.rollback()
    return found


def test_office_treasurer_and_member_download_what_they_may_see(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any]
) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    member, other = (factories.make_member(chapter, status) for _ in range(2))
    invoice = factories.make_invoice(member=member)
    here = f"/o/{organization.slug}"
    people = {
        "admin": (RoleName.NATIONAL_ADMIN, {}),
        "treasurer": (RoleName.TREASURER, {"chapter": chapter}),
        "elsewhere": (RoleName.TREASURER, {"chapter": factories.make_chapter("BET", "Beta")}),
        "member": (RoleName.MEMBER, {"member": member}),
        "other": (RoleName.MEMBER, {"member": other}),
    }
    office, chapters, mine = "national", f"chapters/{chapter.code}", "my"
    expected = {
        ("admin", office): 200,
        ("treasurer", chapters): 200,
        ("treasurer", office): 403,
        ("elsewhere", "chapters/BET"): 404,
        ("elsewhere", chapters): 403,
        ("member", mine): 200,
        ("other", mine): 404,
    }
    for (person, place), status_code in expected.items():
        login = factories.make_login(person)
        role, where = people[person]
        factories.make_role(login, role, **where)
        sign_in(client, login)
        answer = client.get(f"{here}/{place}/invoices/{invoice.id}/pdf")
        assert answer.status_code == status_code, (person, place)
        assert status_code != 200 or is_letter(answer, invoice)


def test_a_stranger_gets_no_invoice(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any]
) -> None:
    invoice = factories.make_invoice()
    sign_in(client, factories.make_login("Nobody"))
    assert client.get(f"/o/{organization.slug}/national/invoices/{invoice.id}/pdf").status_code == 404


def test_the_pay_link_opens_its_own_invoice_as_pdf_and_dies_with_the_link(
    organization: Organization, client: FlaskClient
) -> None:
    invoice, other = factories.make_invoice(), factories.make_invoice()
    token = token_of(invoice)
    here = f"/o/{organization.slug}/pay"
    assert is_letter(client.get(f"{here}/{token}/pdf"), invoice)
    assert client.get(f"{here}/{token[:-3]}abc/pdf").status_code == 404
    assert client.get(f"{here}/{other.id}/pdf").status_code == 404
    with transaction():
        Invoice.here().get(invoice.id, lock=True).pay_link_version += 1
    assert client.get(f"{here}/{token}/pdf").status_code == 404


def test_what_was_mailed_is_kept_and_what_is_downloaded_writes_nothing(
    organization: Organization, client: FlaskClient, jobs: JobRunner
) -> None:
    invoice = factories.make_invoice()
    download = f"/o/{organization.slug}/pay/{token_of(invoice)}/pdf"
    first = client.get(download)
    assert drawings() == []
    jobs.run_all()
    assert len(drawings()) == 1
    assert client.get(download).data == first.data


def test_another_content_is_another_drawing_and_only_the_newest_is_kept(
    organization: Organization, jobs: JobRunner
) -> None:
    invoice = factories.make_invoice()
    jobs.run_all()
    before = drawings()
    with transaction() as session:
        session.get_one(Organization, organization.id).how_to_pay = "Checks to PO Box 12."
        later(Job.ANNOUNCE, what="new_pay_link", invoice_id=invoice.id)
    jobs.run_all()
    after = drawings()
    assert len(after) == 1 and after != before
