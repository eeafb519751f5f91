"""Which adapter stands behind each of the domain's protocols, and what a new organization starts with."""

import atexit
import json
import secrets
import tomllib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app
from jinja2 import Environment

from webapp.adapters import pdf_binder, schema, stripe_letters
from webapp.adapters.embedded import EmbeddedServers
from webapp.adapters.mail_folder import FolderMailer, MailFolder
from webapp.adapters.mail_writer import MailWriter
from webapp.adapters.pdf_printer import PdfPrinter
from webapp.adapters.redis_connection import open_redis
from webapp.adapters.redis_counter import RedisCounter
from webapp.adapters.rq_dispatcher import RqDispatcher
from webapp.adapters.rq_pulse import RqPulse
from webapp.adapters.smtp_mailer import MailServer, SmtpMailer
from webapp.adapters.stationery import open_stationery
from webapp.adapters.stripe_gateway import StripeGateway
from webapp.config import Settings
from webapp.core import checkup, connections, jobs, tally, tenancy
from webapp.core.checkup import Line
from webapp.core.crypto import KeyRing
from webapp.core.errors import NotFound
from webapp.domain.approvals import Action, ApprovalRequest, Deed
from webapp.domain.billing import adjusting, schedules
from webapp.domain.billing import settings as dues
from webapp.domain.credits import goodwill, withdrawing
from webapp.domain.ledger.chart import open_standard_chart
from webapp.domain.notifications import operation as mail_operation
from webapp.domain.notifications.letter import Letter
from webapp.domain.notifications.links import Links
from webapp.domain.notifications.messages import MailerOpened, Writer
from webapp.domain.organizations import Login, Organization, PaperSize, RoleName, invitations
from webapp.domain.organizations.passkeys import Site
from webapp.domain.payments.gateway import (
    Notice,
    PaymentGateway,
    SignatureRefused,
)
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind
from webapp.domain.plans import answering
from webapp.domain.refunds import deciding
from webapp.domain.reporting import operation

_ROOT = Path(__file__).parents[1]


def _credit_or_change(give: Deed, withdraw: Deed, change: Deed) -> Deed:
    """What is called an adjustment gives a member credit, withdraws it, or changes an invoice."""
    named = {goodwill.WHAT: give, withdrawing.WHAT: withdraw}

    def done(request: ApprovalRequest, by: Login, on: date) -> None:
        named.get(request.terms.get("what", ""), change)(request, by, on)

    return done


ACTIONS: Mapping[Action, Deed] = {
    Action.REFUND: deciding.carry_out,
    Action.CREDIT_RELEASE: deciding.carry_out,
    Action.ADJUSTMENT: _credit_or_change(goodwill.carry_out, withdrawing.carry_out, adjusting.carry_out),
    Action.WRITE_OFF: adjusting.carry_out,
    Action.PAYMENT_PLAN: answering.carry_out,
}
"""What is done when it is approved. Each looks again, and does what was approved or nothing."""

DENIALS: Mapping[Action, Deed] = {
    Action.REFUND: deciding.drop,
    Action.CREDIT_RELEASE: deciding.drop,
    Action.ADJUSTMENT: _credit_or_change(goodwill.turn_down, withdrawing.turn_down, adjusting.turn_down),
    Action.WRITE_OFF: adjusting.turn_down,
    Action.PAYMENT_PLAN: answering.turn_down,
}
"""What tells the subject that it was denied, or withdrawn by whoever asked: the state says which."""


def complete(settings: Settings) -> Settings:
    """Fill in what may be left out on one's own machine: embedded servers, and secrets in its folder."""
    found: dict[str, Any] = {}
    if not settings.database_url or not settings.redis_url:
        found |= _embedded(settings)
    if not settings.is_production:
        found |= _local_secrets(settings)
    return settings.model_copy(
        update={key: value for key, value in found.items() if not getattr(settings, key)}
    )


def _embedded(settings: Settings) -> dict[str, str]:
    servers = EmbeddedServers(settings.data)
    addresses = servers.start()
    atexit.register(servers.stop)
    schema.upgrade(addresses.database_owner_url)
    return {
        "database_url": addresses.database_url,
        "database_owner_url": addresses.database_owner_url,
        "backup_database_url": addresses.backup_database_url,
        "redis_url": addresses.redis_url,
    }


def _local_secrets(settings: Settings) -> dict[str, str]:
    kept = Path(settings.data) / "secrets.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        made = {
            "secret_key": secrets.token_urlsafe(48),
            "credential_keys": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        kept.write_text(json.dumps(made))
    return dict(json.loads(kept.read_text()))


def connect(app: Flask) -> None:
    """Give the process its dispatcher and its counter; Redis itself is first asked when something is sent."""
    chosen: Settings = app.config["SETTINGS"]
    app.extensions["queue"] = RqDispatcher(chosen.redis_url)
    jobs.deliver_through(app.extensions["queue"])
    tally.count_in(RedisCounter(chosen.redis_url))


def attempts_pool(chosen: Settings) -> Any:
    """Connections to where attempts are counted. Nobody waits long: who can't be counted is refused."""
    return open_redis(
        chosen.redis_url, socket_timeout=1, socket_connect_timeout=1, retry=None
    ).connection_pool


def queue_works() -> bool:
    """Whether background work begins at once. While it does not, it waits for the queue to come back."""
    queue: RqDispatcher = current_app.extensions["queue"]
    return queue.works()


def settings() -> Settings:
    chosen: Settings = current_app.config["SETTINGS"]
    return chosen


@cache
def _key_ring(keys: str) -> KeyRing:
    return KeyRing(keys.split(","))


def key_ring() -> KeyRing:
    """The keys that stored credentials are encrypted with."""
    return _key_ring(settings().credential_keys)


def pulse() -> RqPulse:
    return RqPulse(settings().redis_url)


def installation_checkup() -> list[Line]:
    chosen = settings()
    addresses = {
        "DATABASE_URL": chosen.database_url,
        "DATABASE_OWNER_URL": chosen.database_owner_url,
        "BACKUP_DATABASE_URL": chosen.backup_database_url,
        "REDIS_URL": chosen.redis_url,
        "MAIL_URL": chosen.mail_url,
    }
    libraries = checkup.libraries(_libraries_chosen_on())
    return [*checkup.installation(pulse()), connections.line(addresses), libraries]


@cache
def _libraries_chosen_on() -> date:
    """`make lock` writes it down."""
    written: date = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["duesbook"]["chosen-on"]
    return written


def organization_checkup(organization: Organization) -> list[Line]:
    return [*operation.lines(key_ring()), *mail_operation.lines(organization)]


def passkey_site() -> Site:
    """Where passkeys are good: the public host."""
    address = urlsplit(settings().public_url)
    return Site(address.hostname or "localhost", f"{address.scheme}://{address.netloc}")


def gateway_for(processor: PaymentProcessor) -> PaymentGateway:
    """The processor's account, reached with the row's own credentials."""
    match processor.kind:
        case ProcessorKind.STRIPE:
            return StripeGateway(processor.reveal_secret_key(key_ring()), api_base=settings().stripe_api_base)


def webhook_secret(processor: PaymentProcessor) -> str:
    """What this account's letters are sealed with."""
    secret = processor.reveal_webhook_secret(key_ring())
    if secret is None:
        raise SignatureRefused("This processor has no webhook secret yet.")
    return secret


def read_notice(kind: ProcessorKind, body: bytes, seal: str, *, secret: str, now: datetime) -> Notice:
    """What a letter says, once its seal is found to be made with this secret."""
    match kind:
        case ProcessorKind.STRIPE:
            return stripe_letters.read_notice(body, seal, secret, now=now)


def links() -> Links:
    """Addresses for letters and mails, on the public host."""
    return Links(settings().public_url, settings().secret_key)


def mailer_for(organization: Organization) -> MailerOpened:
    """A demo organization never mails anybody real; without MAIL_URL nobody does."""
    chosen, sender = settings(), f"dues@{links().domain}"
    if organization.is_demo or not chosen.mail_url:
        return FolderMailer(mail_folder_path(chosen), sender)
    return SmtpMailer(MailServer.at(chosen.mail_url), sender)


def keeps_mails() -> bool:
    """In demo and development, while mail is not really sent, a page shows what would have been."""
    return not (settings().is_production or settings().mail_url)


def mail_folder() -> MailFolder:
    """The kept mails; NotFound where they are sent."""
    if not keeps_mails():
        raise NotFound
    return MailFolder(mail_folder_path(settings()))


def mail_folder_path(chosen: Settings) -> Path:
    return chosen.data / "mail"


@cache
def _paper(templates: Path) -> Environment:
    return open_stationery(templates)


@cache
def printer() -> PdfPrinter:
    return PdfPrinter(_paper(_ROOT / "templates"), _ROOT / "static" / "css")


@lru_cache(maxsize=64)
def drawn(letter: Letter) -> bytes:
    """The same letter again costs nothing: people look at a page more than once."""
    return printer().draw(letter)


def bind(drawings: Iterable[bytes]) -> bytes:
    """Drawings in one file, as one prints them."""
    return pdf_binder.bind(drawings)


@cache
def mail_writer() -> Writer:
    return MailWriter(_paper(_ROOT / "templates"))


def found_organization(
    name: str,
    *,
    currency: str,
    timezone: str,
    admin_email: str,
    by: Login | None,
    locale: str = "en_US",
    paper_size: PaperSize | None = None,
) -> Organization:
    """An organization with its chart of accounts, its dues settings and an invitation to its first admin."""
    organization = Organization.create(
        name, currency=currency, timezone=timezone, locale=locale, paper_size=paper_size, by=by
    )
    with tenancy.acting_for(organization.id):
        open_standard_chart()
        dues.open_standard()
        schedules.open_standard()
        invitations.invite(admin_email, RoleName.NATIONAL_ADMIN, by=by, secret=settings().secret_key)
    return organization
