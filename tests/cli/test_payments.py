from base64 import urlsafe_b64encode
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.processor import SECRET_KEY, WEBHOOK_SECRET, Shop, fresh
from tests.sandbox.control import SandboxControl
from webapp import wiring
from webapp.core.db import db
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.processor import PaymentProcessor


def run(app: Flask, *arguments: str, input: str = "") -> Result:
    return app.test_cli_runner().invoke(args=arguments, input=input)


def connect(app: Flask, organization: Any, keys: str) -> Result:
    options = ("--secret-key", "-", "--webhook-secret", "-")
    return run(app, "processors", "connect", organization.slug, "stripe", *options, input=keys)


def test_connecting_reads_both_secrets_from_standard_input(
    app: Flask, organization: Any, sandbox: SandboxControl
) -> None:
    sandbox.name_account("sk_test_cli", "Pi Chi")
    result = connect(app, organization, "sk_test_cli\nwhsec_cli\n")
    assert result.exit_code == 0, result.output
    [processor] = PaymentProcessor.here().all()
    address = f"http://localhost/api/finances/webhooks/stripe/{organization.id}/{processor.id}/"
    assert result.stdout == f"Pi Chi\t{address}\n"
    assert processor.reveal_secret_key(wiring.key_ring()) == "sk_test_cli"
    assert processor.reveal_webhook_secret(wiring.key_ring()) == "whsec_cli"
    assert processor.tested_at is not None


def test_connecting_again_replaces_the_keys_and_keeps_the_address(shop: Shop, app: Flask) -> None:
    result = connect(app, shop.organization, "sk_test_second\nwhsec_second\n")
    assert str(shop.processor_id) in result.stdout
    renewed = fresh(PaymentProcessor, shop.processor_id)
    assert renewed.reveal_secret_key(wiring.key_ring()) == "sk_test_second"


@pytest.mark.parametrize(
    "keys", ["nonsense\nwhsec_x\n", "sk_test_x\nnonsense\n", "\n\n", "sk_wrong\nwhsec_x\n"]
)
def test_wrong_secrets_end_with_one_sentence(
    app: Flask, organization: Any, sandbox: SandboxControl, keys: str
) -> None:
    result = connect(app, organization, keys)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1


def test_a_check_is_recorded_for_an_invoice(shop: Shop, app: Flask) -> None:
    invoice = shop.owed(40_000)
    where = (shop.organization.slug, invoice.number, "150.00")
    result = run(
        app, "payments", "record", *where, "--method", "check", "--reference", "1024", "--on", "2025-09-02"
    )
    assert result.exit_code == 0, result.output
    [payment] = Payment.here().all()
    assert result.stdout == f"{payment.id}\t150.00\t0.00\n"
    assert (payment.reference, payment.received_on.isoformat()) == ("1024", "2025-09-02")
    assert fresh(Invoice, invoice.id).status is InvoiceStatus.PARTIAL


@pytest.mark.parametrize(
    ("number", "amount", "sentence"),
    [
        ("2026-999999", "10.00", "There is no invoice 2026-999999."),
        ("", "ten", "“ten” is not an amount"),
        ("", "0", "The amount must be more than zero."),
    ],
)
def test_what_can_t_be_recorded_ends_with_a_sentence(
    shop: Shop, app: Flask, number: str, amount: str, sentence: str
) -> None:
    number = number or shop.owed().number
    result = run(app, "payments", "record", shop.organization.slug, number, amount, "--method", "cash")
    assert result.exit_code == 1 and sentence in result.stderr
    assert Payment.here().all() == []


def test_rotating_keys_encrypts_again_and_loses_nothing(
    shop: Shop, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shop.processor.secret_key
    newest = urlsafe_b64encode(b"n" * 32).decode()
    settings = app.config["SETTINGS"]
    both = settings.model_copy(update={"credential_keys": f"{newest},{settings.credential_keys}"})
    monkeypatch.setitem(app.config, "SETTINGS", both)
    assert run(app, "keys", "rotate").stdout == f"{shop.organization.slug}\t1\n"
    assert run(app, "keys", "rotate").stdout == f"{shop.organization.slug}\t0\n"
    only = settings.model_copy(update={"credential_keys": newest})
    monkeypatch.setitem(app.config, "SETTINGS", only)
    db.session.rollback()
    renewed = fresh(PaymentProcessor, shop.processor_id)
    assert renewed.secret_key != before
    assert renewed.reveal_secret_key(wiring.key_ring()) == SECRET_KEY
    assert renewed.reveal_webhook_secret(wiring.key_ring()) == WEBHOOK_SECRET
