"""Who is reminded tomorrow, and of what: a treasurer sees the own chapter."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from webapp import wiring
from webapp.domain.billing import pay_link
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Organization, RoleName


@pytest.fixture
def chapter(organization: Organization, client: FlaskClient, sign_in: Callable[..., Any]) -> Any:
    """Its treasurer is signed in."""
    made, login = factories.make_chapter(), factories.make_login("Tom Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=made)
    sign_in(client, login)
    return made


def due_tomorrow(organization: Organization, chapter: Any, status: str) -> Invoice:
    day = organization.today + timedelta(days=1)
    member = factories.make_member(chapter, factories.make_status(status))
    return factories.make_invoice(member=member, due_on=day, grace_ends_on=day)


def test_a_treasurer_sees_tomorrows_reminders_of_the_own_chapter_alone(
    organization: Organization, client: FlaskClient, chapter: Any
) -> None:
    other = factories.make_chapter("BET", "Beta Chapter")
    mine, theirs = (
        due_tomorrow(organization, chapter, "undergraduate"),
        due_tomorrow(organization, other, "alumni"),
    )
    here = f"/o/{organization.slug}/chapters/{chapter.code}"
    for address in (f"{here}/reminders/", f"{here}/reminders/?format=csv"):
        shown = client.get(address).text
        assert mine.number in shown and theirs.number not in shown
    assert client.get(f"{here}/invoices/{theirs.id}/reminder").status_code == 404
    assert client.get(f"/o/{organization.slug}/chapters/BET/reminders/").status_code == 403


def test_the_text_is_what_is_mailed_but_for_its_link(
    organization: Organization, client: FlaskClient, chapter: Any
) -> None:
    invoice = due_tomorrow(organization, chapter, "undergraduate")
    page = client.get(f"/o/{organization.slug}/chapters/{chapter.code}/invoices/{invoice.id}/reminder").text
    assert f"Reminder: $100.00 is due today, invoice {invoice.number}" in page
    assert "Your treasurer would rather hear from you." in page
    assert pay_link.token(invoice, wiring.settings().secret_key) not in page
