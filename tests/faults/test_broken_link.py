"""A connection to PostgreSQL that breaks in the worst moment."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.faults.proxy import Proxy
from tests.processor import Shop, fresh
from webapp.app import create_app
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import RoleName, tokens
from webapp.domain.payments.payment import Payment


@pytest.fixture
def behind_proxy(shop: Shop, application: Flask) -> Iterator[tuple[Flask, Proxy]]:
    """A second application on the same database, its connections through a proxy."""
    settings = application.config["SETTINGS"]
    with Proxy.to(settings.database_url) as proxy:
        app = create_app(settings.model_copy(update={"database_url": proxy.url}))
        app.config["WTF_CSRF_ENABLED"] = False
        yield app, proxy
        with app.app_context():
            db.engine.dispose()


@pytest.mark.case("F10")
@pytest.mark.parametrize(("commit", "then"), [(3, 409), (4, 201)], ids=["the payment's", "the answer's"])
def test_a_link_that_breaks_while_it_commits_has_one_effect_however_often_it_is_sent(
    shop: Shop, behind_proxy: tuple[Flask, Proxy], commit: int, then: int
) -> None:
    """Those before note that the token was used, and may fail; nobody knows what became of the one cut."""
    app, proxy = behind_proxy
    invoice_id = shop.owed().id
    with transaction():
        token = tokens.create("Accounting", RoleName.NATIONAL_ADMIN, by=None)[1]
    address = f"/api/organizations/{shop.organization.id}/payments/"
    body = {"member_id": str(shop.member_id), "amount": 15_000, "method": "check"}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "one-check"}
    db.session.rollback()

    def send() -> TestResponse:
        return app.test_client().post(address, json=body, headers=headers)

    proxy.cut_at_commit(commit)
    first = send()
    with ThreadPoolExecutor() as threads:
        retries = [sent.result() for sent in [threads.submit(send) for _ in range(2)]]

    assert proxy.cuts == 1
    assert first.status_code == 503 and first.headers["Retry-After"] == "10"
    assert {retry.status_code for retry in retries} == {then}
    with tenancy.acting_for(shop.organization.id):
        assert [payment.amount for payment in Payment.here().all()] == [15_000]
        assert fresh(Invoice, invoice_id).owed == 25_000
