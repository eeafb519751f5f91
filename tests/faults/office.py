"""An organization inside an installation that a test may ruin."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request
from uuid import UUID

import stripe

from tests import factories
from tests.faults.installation import Answer, Installation
from tests.jobs import Silence
from tests.processor import WEBHOOK_SECRET, connect, make_owed
from webapp import wiring
from webapp.core import jobs, tenancy
from webapp.core.db import db, transaction
from webapp.core.jobs import OutboxJob
from webapp.domain.billing import pay_link
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Login, Member, Organization, roles, sessions
from webapp.domain.payments.processor import PaymentProcessor


@dataclass
class Office:
    """An organization inside the installation, looked at from the test's own process."""

    installation: Installation
    organization: Organization
    chapter_id: UUID
    member_id: UUID
    processor_id: UUID

    def owed(self, amount: int = 40_000) -> UUID:
        return make_owed(Member.here().get(self.member_id), amount).id

    def pay_page(self, invoice_id: UUID) -> str:
        token = pay_link.token(Invoice.here().get(invoice_id), wiring.settings().secret_key)
        db.session.rollback()
        return f"/o/{self.organization.slug}/pay/{token}"

    def cookie_of(self, login: Login) -> str:
        """Somebody who is signed in already."""
        app = self.installation.app
        with transaction():
            methods = (sessions.Method.MEMORIZED, sessions.Method.APP_CODE)
            token = sessions.start(login, roles.session_limits(login), methods=methods)
        serializer = app.session_interface.get_signing_serializer(app)
        return f"{app.config['SESSION_COOKIE_NAME']}={serializer.dumps({'token': token})}"

    def deliver(self, event: dict[str, Any], secret: str = WEBHOOK_SECRET) -> Answer:
        """As the processor tells it."""
        body = json.dumps(event)
        seal = stripe.WebhookSignature.generate_signature_header(body, secret)
        address = f"/api/finances/webhooks/stripe/{self.organization.id}/{self.processor_id}/"
        where = self.installation.url + address
        return self.installation.send(Request(where, body.encode(), {"Stripe-Signature": seal}))

    @property
    def processor(self) -> PaymentProcessor:
        return PaymentProcessor.here().get(self.processor_id)

    def all(self, kind: Any) -> list[Any]:
        """As it is now, however often it was asked before; no connection is kept."""
        db.session.rollback()
        found = db.session.scalars(kind.here().select().execution_options(populate_existing=True)).all()
        for row in found:
            db.session.expunge(row)
        db.session.rollback()
        return list(found)

    def jobs(self, *states: str) -> list[OutboxJob]:
        return [job for job in self.all(OutboxJob) if job.state.value in states]


@contextmanager
def open_office(installation: Installation) -> Iterator[Office]:
    """Verified at the end, whatever happened to the installation meanwhile."""
    with installation.app.app_context():
        jobs.deliver_through(Silence())
        made = factories.make_organization()
        with tenancy.acting_for(made.id):
            factories.found(made)
            chapter = factories.make_chapter()
            member = factories.make_member(chapter, factories.make_status())
            yield Office(installation, made, chapter.id, member.id, connect().id)
            db.session.rollback()
            factories.verify_books(db.session.merge(made))
        db.session.remove()
        tenancy.leave()
        db.engine.dispose()
