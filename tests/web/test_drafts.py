"""A session runs out while somebody types: what they sent then is offered again, and to nobody else."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, update
from wtforms import PasswordField

from tests.web.world import ADMIN, NEIGHBOUR, TREASURER, World, enter
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.billing.adjustments import Adjustment
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Draft, LoginSession, housekeeping, sessions
from webapp.web.drafts import LARGEST, SECRETS
from webapp.web.forms import Form

TYPED = {"what": "waiver.lowers", "amount": "12.34", "reason": "Helped with the roof"}


@dataclass
class Writer:
    """A treasurer with the form of an adjustment open."""

    client: FlaskClient
    world: World

    @property
    def goes_to(self) -> str:
        return (
            f"/o/{self.world.organization.slug}/chapters/{self.world.chapter.code}"
            f"/invoices/{self.world.ids['invoice_id']}/adjustments/"
        )

    @property
    def form(self) -> str:
        return f"{self.goes_to}new"

    @property
    def owed(self) -> int:
        with tenancy.acting_for(self.world.organization.id):
            return Invoice.here().get(self.world.ids["invoice_id"]).owed

    def pause(self) -> None:
        """Too long."""
        with transaction():
            long_ago = LoginSession.last_seen_at - timedelta(days=2)
            db.session.execute(update(LoginSession).values(last_seen_at=long_ago))

    def send(self, **changes: str) -> Any:
        headers = {"Referer": f"http://localhost{self.form}"}
        typed = TYPED | {"seen": str(self.owed)} | changes
        return self.client.post(self.goes_to, data=typed, headers=headers)

    def kept(self) -> list[Draft]:
        with tenancy.acting_for(self.world.organization.id):
            mine = Draft.login_id == self.world.logins[TREASURER].id
            return [*Draft.here().all(mine)]

    def offered(self) -> str:
        [draft] = self.kept()
        return f"/o/{self.world.organization.slug}/own/drafts/{draft.id}"


@pytest.fixture
def writer(client: FlaskClient, world: World) -> Writer:
    enter(client, world.logins[TREASURER])
    return Writer(client, world)


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)">', page))


def test_what_was_typed_is_kept_offered_after_signing_in_and_sent(writer: Writer) -> None:
    writer.pause()
    sent = writer.send()
    assert sent.status_code == 303 and sent.location.endswith(writer.offered())

    enter(writer.client, writer.world.logins[TREASURER])
    page = writer.client.get(writer.offered()).text
    assert "Helped with the roof" in page and f'action="{writer.goes_to}"' in page
    before = _adjustments(writer)
    assert writer.client.post(writer.goes_to, data=hidden(page)).status_code == 303
    assert _adjustments(writer) == before + 1


def _adjustments(writer: Writer) -> int:
    with tenancy.acting_for(writer.world.organization.id):
        return len(Adjustment.here().all())


def test_it_is_sealed_where_it_is_stored(writer: Writer) -> None:
    writer.pause()
    writer.send()
    [draft] = writer.kept()
    assert draft.fields.startswith("v1.") and "roof" not in draft.fields


def test_a_swap_leads_there_as_well(writer: Writer) -> None:
    writer.pause()
    current = f"http://localhost{writer.form}"
    swap = {"HX-Request": "true", "HX-Current-URL": current}
    answer = writer.client.post(writer.goes_to, data=TYPED, headers=swap)
    assert answer.status_code == 204 and answer.headers["HX-Redirect"].endswith(writer.offered())


@pytest.mark.parametrize("who", [ADMIN, NEIGHBOUR])
def test_to_anybody_else_it_is_not_there(writer: Writer, who: str) -> None:
    writer.pause()
    writer.send()
    enter(writer.client, writer.world.logins[who])
    assert writer.client.get(writer.offered()).status_code == 404
    assert writer.client.post(f"{writer.offered()}/discarding").status_code == 404


def test_thrown_away_it_is_gone_and_one_is_back_at_the_form(writer: Writer) -> None:
    writer.pause()
    writer.send()
    enter(writer.client, writer.world.logins[TREASURER])
    assert writer.client.post(f"{writer.offered()}/discarding").location == writer.form
    assert writer.kept() == []


def test_after_a_day_it_is_neither_shown_nor_there(writer: Writer) -> None:
    writer.pause()
    writer.send()
    with tenancy.acting_for(writer.world.organization.id), transaction():
        long_ago = {"created_at": func.now() - timedelta(hours=25)}
        db.session.execute(update(Draft).values(long_ago))
    enter(writer.client, writer.world.logins[TREASURER])
    assert writer.client.get(writer.offered()).status_code == 404
    with tenancy.acting_for(writer.world.organization.id), transaction():
        housekeeping.clear_away()
    assert writer.kept() == []


def test_nothing_is_kept_of_whoever_signed_out_or_never_was_here(writer: Writer) -> None:
    with transaction():
        sessions.end_all(writer.world.logins[TREASURER])
    assert writer.send().status_code == 303
    writer.client.delete_cookie("duesbook")
    assert writer.send().status_code == 303
    assert writer.kept() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook_secret": "whsec_abc"},
        {"reason": "x" * LARGEST},
        {"what": "", "amount": "", "reason": "", "seen": ""},
    ],
    ids=["a secret", "too much", "nothing typed"],
)
def test_secrets_and_what_is_too_large_or_empty_are_not_kept(writer: Writer, changes: dict[str, str]) -> None:
    writer.pause()
    assert writer.send(**changes).status_code == 303
    assert writer.kept() == []


def test_every_secret_field_of_a_form_is_known_as_one() -> None:
    fields = {
        name
        for form in Form.__subclasses__()
        for name, field in vars(form).items()
        if getattr(field, "field_class", None) is PasswordField
    }
    assert fields <= SECRETS
