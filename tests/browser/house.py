"""The whole product on this machine: pages, jobs, kept mail, and the sandbox that it takes for Stripe."""

import re
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright
from sqlalchemy import func, select
from werkzeug.serving import WSGIRequestHandler, make_server

from tests import factories
from tests.sandbox.control import SandboxControl
from webapp import wiring
from webapp.app import create_app
from webapp.config import load
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.jobs import JobState, OutboxJob
from webapp.domain.billing import pay_link
from webapp.domain.organizations import Chapter, Login, Member, Organization, Role, RoleName, roles, sessions
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind
from webapp.sandbox.server import start_sandbox
from webapp.workers import runner

CREDENTIAL_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
SECRET_KEY, WEBHOOK_SECRET = "sk_test_browser", "whsec_browser"
PASSWORD = "plum ladder seventeen otters"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        return


@dataclass(frozen=True)
class Office:
    """An organization that takes payments, and the person who set it up."""

    slug: str
    organization_id: UUID
    admin: str


@dataclass
class House:
    url: str
    app: Flask
    sandbox: SandboxControl
    data: Path

    def found(self, name: str, admin: str) -> Office:
        """A new organization with an admin who has a password, and a connected processor."""
        with self.app.app_context():
            with transaction():
                organization = wiring.found_organization(
                    name, currency="USD", timezone="America/New_York", admin_email=admin, by=None
                )
            with tenancy.acting_for(organization.id):
                self._let_in(name, admin)
                self.connect(organization, SECRET_KEY)
            return Office(organization.slug, organization.id, admin)

    def _let_in(self, name: str, email: str) -> None:
        with transaction() as session:
            login = Login(name=f"{name} office", email=email)
            login.choose_password(PASSWORD)
            session.add(login)
            session.flush()
            session.add(Role(login_id=login.id, role=RoleName.NATIONAL_ADMIN))

    def connect(self, organization: Organization, secret_key: str) -> None:
        with transaction():
            processor = PaymentProcessor.connect(
                kind=ProcessorKind.STRIPE,
                name="Stripe",
                secret_key=secret_key,
                webhook_secret=WEBHOOK_SECRET,
                keys=wiring.key_ring(),
                by=None,
            )
        self.sandbox.name_account(secret_key, organization.name)
        address = f"{self.url}/api/finances/webhooks/stripe/{organization.id}/{processor.id}/"
        self.sandbox.register_endpoint(secret_key, address, secret=WEBHOOK_SECRET)

    def invoice_link(self, office: Office, amount: int) -> str:
        """The link of one issued invoice of a new member, as its mail has it."""
        with self.app.app_context(), tenancy.acting_for(office.organization_id):
            due = date(2099, 10, 1)
            invoice = factories.make_invoice(amount, due_on=due, grace_ends_on=due)
            token = pay_link.token(invoice, wiring.settings().secret_key)
        return f"{self.url}/o/{office.slug}/pay/{token}"

    def mail_to(self, recipient: str) -> str:
        """The text of the newest kept mail to this address."""
        with self.app.app_context():
            folder = wiring.mail_folder()
            found = [mail for mail in folder.newest(200) if mail.recipient == recipient]
            assert found, f"no mail to {recipient}"
            return folder.read(found[0].name).text

    def has_mailed(self, recipient: str, subject: str) -> bool:
        """Whether a kept mail to this address says so in its subject by now."""
        with self.app.app_context():
            kept = wiring.mail_folder().newest(200)
            return any(mail.recipient == recipient and subject in mail.subject for mail in kept)

    def link_in_mail_to(self, recipient: str, kind: str = "pay") -> str:
        links = re.findall(rf"{re.escape(self.url)}/o/[^\s)]+/{kind}/[\w-]+", self.mail_to(recipient))
        assert links, self.mail_to(recipient)
        return str(links[0])


@contextmanager
def open_house(database: Any, redis_url: str, data: Path, **settings: Any) -> Iterator[House]:
    """Web server, worker and sandbox, each a thread of this process."""
    sandbox = start_sandbox()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        url = f"http://localhost:{listening.getsockname()[1]}"
        app = create_app(
            load(
                **{
                    "environment": "development",
                    "data": data,
                    "database_url": database.app_url,
                    "database_owner_url": database.owner_url,
                    "redis_url": redis_url,
                    "secret_key": "a secret key that only tests know, long enough",
                    "credential_keys": CREDENTIAL_KEY,
                    "public_url": url,
                    "log_level": "ERROR",
                    "stripe_api_base": sandbox.url,
                }
                | settings
            )
        )
        app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600  # no style and no script changes while tests run
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet, fd=listening.fileno())
        control = SandboxControl(sandbox.url)
        control.settings(ach_delay=None, refund_delay=None)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        with _working(app):
            yield House(url, app, control, data)
        server.shutdown()
        server.server_close()
    sandbox.stop()
    with app.app_context():
        db.engine.dispose()


@contextmanager
def _working(app: Flask) -> Iterator[None]:
    """Somebody who does what is due, as the workers do."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.1):
            with app.app_context():
                for organization_id, job_id in _due():
                    runner.perform(organization_id, job_id)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    yield
    over.set()
    worker.join(timeout=30)


def _due() -> list[tuple[str, str]]:
    with tenancy.platform():
        wanted = (
            select(OutboxJob.organization_id, OutboxJob.id)
            .where(OutboxJob.state == JobState.QUEUED, OutboxJob.due_at <= func.now())
            .order_by(OutboxJob.id)
        )
        found = [
            (str(organization_id), str(job_id)) for organization_id, job_id in db.session.execute(wanted)
        ]
        db.session.rollback()
    return found


class ChapterPeople(NamedTuple):
    chapter: Chapter
    treasurer: Login
    kim: Login
    member: Member


def chapter_people() -> ChapterPeople:
    """A chapter with its treasurer, Wendy Taylor, and Kim Payer, a member who signs in."""
    chapter, status = factories.make_chapter(), factories.make_status("billed")
    treasurer, kim = factories.make_login("Wendy Taylor"), factories.make_login("Kim Payer")
    own = {"email": kim.email, "login_id": kim.id, "first_name": "Kim"}
    member = factories.make_member(chapter, status, **own)
    factories.make_role(treasurer, RoleName.TREASURER, chapter=chapter)
    factories.make_role(kim, RoleName.MEMBER, member=member)
    return ChapterPeople(chapter, treasurer, kim, member)


def launch(playwright: Playwright) -> Browser:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    assert found, "The browser tests need Chromium: install the package chromium, or run make setup."
    return playwright.chromium.launch(executable_path=found, args=FLAGS)


def listen(page: Page, heard: list[str]) -> Page:
    """Whatever the browser complains about on our pages: script errors, content policy, failed requests."""

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error" and "/checkout/" not in said.location["url"]:
            heard.append(f"{said.location['url']}: {said.text}")

    page.on("console", hear)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return page


def sign_in(page: Page, house: House, email: str) -> None:
    """As somebody who went through both steps a moment ago; test_sign_in.py goes through them."""
    with house.app.app_context():
        login = Login.by_email(email)
        assert login is not None, email
        with transaction():
            methods = (sessions.Method.MEMORIZED, sessions.Method.APP_CODE)
            token = sessions.start(login, roles.session_limits(login), methods=methods)
        serializer = house.app.session_interface.get_signing_serializer(house.app)  # type: ignore[attr-defined]
        name, value = house.app.config["SESSION_COOKIE_NAME"], serializer.dumps({"token": token})
    page.context.add_cookies([{"name": name, "value": value, "url": house.url}])
    page.goto(f"{house.url}/")
    page.wait_for_url("**/o/**")
