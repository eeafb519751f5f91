"""`flask processors …`, `flask payments …` and `flask keys …`."""

from datetime import datetime
from typing import TextIO

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import select

from webapp import wiring
from webapp.cli.output import organization_named, says_why, table
from webapp.core import clock, money, tenancy
from webapp.core.db import db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import only
from webapp.domain.organizations import AuthenticatorApp, Member, Organization
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import OFFLINE, Method
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind
from webapp.web import connecting

processors = AppGroup("processors", help="Where people pay online.")
payments = AppGroup("payments", help="Money that came in.")
keys = AppGroup("keys", help="The keys that credentials are stored under.")

_METHODS = [method.value for method in OFFLINE]


def register(app: Flask) -> None:
    for group in (processors, payments, keys):
        app.cli.add_command(group)


@processors.command()
@click.argument("slug", metavar="ORG")
@click.argument("kind", type=click.Choice([kind.value for kind in ProcessorKind]))
@click.option("--secret-key", type=click.File(), required=True, help="- reads it from standard input.")
@click.option("--webhook-secret", type=click.File(), help="- reads it from standard input, one line on.")
@click.option("--name", default="Stripe", show_default=True)
@says_why
def connect(slug: str, kind: str, secret_key: TextIO, webhook_secret: TextIO | None, name: str) -> None:
    """Connect a processor, or replace its keys, test it, and print its webhook address."""
    secret, webhook = _line(secret_key), _line(webhook_secret) if webhook_secret else None
    with organization_named(slug):
        with transaction():
            processor = _connected(ProcessorKind(kind), name, secret or "", webhook)
        account = wiring.gateway_for(processor).test_connection()
        with transaction():
            PaymentProcessor.here().get(processor.id, lock=True).tested(at=clock.now(), error=None)
        table(["account", "webhook address"], [[account, connecting.webhook_address(processor)]])


def _connected(
    kind: ProcessorKind, name: str, secret_key: str, webhook_secret: str | None
) -> PaymentProcessor:
    existing = PaymentProcessor.here().first(
        PaymentProcessor.kind == kind, PaymentProcessor.active.is_(True), lock=True
    )
    if existing is None:
        return PaymentProcessor.connect(
            kind=kind,
            name=name,
            secret_key=secret_key,
            webhook_secret=webhook_secret,
            keys=wiring.key_ring(),
            by=None,
        )
    existing.change_keys(
        secret_key=secret_key, webhook_secret=webhook_secret, keys=wiring.key_ring(), by=None
    )
    return existing


@payments.command()
@click.argument("slug", metavar="ORG")
@click.argument("number", metavar="INVOICE")
@click.argument("amount")
@click.option("--method", type=click.Choice(_METHODS), required=True)
@click.option("--reference", help="The check's number, the transfer's text.")
@click.option("--on", "on", type=click.DateTime(["%Y-%m-%d"]), help="The day it came in; today if left out.")
@says_why
def record(
    slug: str, number: str, amount: str, *, method: str, reference: str | None, on: datetime | None
) -> None:
    """Record cash, a check or a transfer for an invoice."""
    with organization_named(slug) as organization:
        minor = money.parse(amount, organization.currency, organization.locale)
        day = on.date() if on else organization.today
        with transaction():
            invoice = Invoice.here().first(Invoice.number == number)
            if invoice is None:
                raise click.ClickException(f"There is no invoice {number}.")
            payment = record_offline(
                Member.here().get(invoice.member_id),
                minor,
                method=Method(method),
                on=day,
                by=None,
                reference=reference,
                spread=only(invoice),
            )
        show = [money.plain(part, payment.currency) for part in (payment.allocated, payment.credited)]
        table(["payment", "settled", "credited"], [[str(payment.id), *show]])


@keys.command()
@says_why
def rotate() -> None:
    """Encrypt every stored credential with the newest of CREDENTIAL_KEYS."""
    done = []
    for organization in db.session.scalars(select(Organization).order_by(Organization.slug)).all():
        with tenancy.acting_for(organization.id), transaction():
            rows = PaymentProcessor.here().all()
            renewed = sum(row.renew_encryption(wiring.key_ring()) for row in rows)
        done.append([organization.slug, renewed])
    with transaction():
        apps = db.session.scalars(select(AuthenticatorApp).with_for_update()).all()
        renewed = sum(app.renew_encryption(wiring.key_ring()) for app in apps)
    if apps:
        done.append(["(authenticator apps)", renewed])
    table(["organization", "credentials renewed"], done)


def _line(source: TextIO) -> str:
    """The next line; several options may read standard input one after the other."""
    return source.readline().strip()
