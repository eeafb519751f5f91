"""The main path through pgbouncer in transaction mode: one connection for everybody, one for the test."""

import re
from collections.abc import Callable, Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from tests import factories
from tests.conftest import CREDENTIAL_KEY, Browser, found_once
from tests.jobs import JobRunner
from tests.pooler import pooling
from tests.processor import Shop
from tests.rows import Rows
from tests.services import Database
from webapp.app import create_app
from webapp.config import load
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.run import BillingRun, RunState
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.organizations import Chapter, Login, Member, MemberStatus, RoleName

PASSWORD = "a password that nobody guesses"


@pytest.fixture(scope="module")
def pooled_url(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pooling(database.app_url, tmp_path_factory.mktemp("pooler"), size=2) as url:
        yield url


@pytest.fixture(scope="module")
def application(
    database: Database, pooled_url: str, redis_url: str, tmp_path_factory: Any
) -> Iterator[Flask]:
    """As everywhere, but the database is reached through the pooler."""
    app = pooled_application(
        pooled_url, redis_url, tmp_path_factory.mktemp("data"), database_owner_url=database.owner_url
    )
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def founded(application: Flask, rows: Rows) -> Callable[[], Any]:
    return found_once(application, rows)


def pooled_application(url: str, redis_url: str, data: Path, **settings: Any) -> Flask:
    app = create_app(
        load(
            environment="development",
            data=data,
            database_url=url,
            redis_url=redis_url,
            secret_key="a secret key that only tests know, long enough",
            credential_keys=CREDENTIAL_KEY,
            public_url="http://localhost",
            log_level="ERROR",
            **settings,
        )
    )
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.test_client_class = Browser
    return app


def test_sign_in_billing_paying_and_the_webhook_work_through_it(
    shop: Shop, client: FlaskClient, jobs: JobRunner, sign_in: Callable[[FlaskClient, Login], str]
) -> None:
    treasurer = a_treasurer(shop)
    db.session.rollback()  # a transaction of the test keeps everybody else waiting
    signed_in = client.post("/", data={"email": treasurer.email, "password": PASSWORD})
    assert signed_in.status_code == 303, signed_in.text
    assert client.get(signed_in.headers["Location"]).status_code == 200
    sign_in(client, factories.make_admin())
    factories.make_rate(MemberStatus.here().get(shop.member.status_id), 12_500)
    period, schedule = factories.make_period(), factories.standard_schedule()
    form = {"schedule": str(schedule.id), "period": str(period.id)}
    runs = f"/o/{shop.organization.slug}/national/billing-runs/"
    db.session.rollback()
    shown = client.get(runs + "preview", query_string=form)
    hidden = dict(re.findall(r'name="(seen|form_key)"[^>]*value="([^"]+)"', shown.text))
    confirmed = client.post(runs, data=form | hidden)
    assert confirmed.status_code == 303, confirmed.text
    jobs.run_all()
    db.session.rollback()
    db.session.expire_all()
    assert [run.state for run in BillingRun.here().all()] == [RunState.DONE]
    [invoice] = Invoice.here().all()

    shop.paid(invoice)

    db.session.rollback()
    db.session.refresh(invoice)
    assert invoice.status is InvoiceStatus.PAID


def a_treasurer(shop: Shop) -> Login:
    login = factories.make_login()
    with transaction():
        login.choose_password(PASSWORD)
    factories.make_role(login, RoleName.TREASURER, chapter=Chapter.here().get(shop.chapter_id))
    return login


def test_two_organizations_by_turns_on_one_connection_see_their_own_rows_only(
    application: Flask, organization: Any
) -> None:
    """The second one begins while the first one's connection is back in the pool, and the other way round."""
    others = factories.make_organization("Roofers Local 30", slug="roofers")
    chapters, servers = {}, set()
    for here, name in ((organization.id, "Alpha"), (others.id, "Roof")):
        with tenancy.acting_for(here):
            chapters[here] = factories.make_chapter(name[:3].upper(), name).id
    for turn in range(40):
        here = (organization.id, others.id)[turn % 2]
        seen, server = copy_context().run(elsewhere, application, here)
        assert seen == [chapters[here]]
        servers.add(server)
    assert copy_context().run(elsewhere, application, None)[0] == []
    assert len(servers) == 1


def elsewhere(application: Flask, organization_id: UUID | None) -> tuple[list[UUID], int]:
    """What somebody else finds who asks at the same time, for this organization or for none."""
    db.session.rollback()
    with application.app_context():
        tenancy.enter(organization_id)
        found = list(db.session.scalars(select(Chapter.id)))
        server = db.session.scalar(select(func.pg_backend_pid()))
        db.session.rollback()
        assert server is not None
        return found, server


def test_nothing_is_prepared_and_nothing_stays_set_on_the_connection(
    app: Flask, organization: Any, pooled_url: str
) -> None:
    for _ in range(12):
        db.session.scalar(select(func.count()).select_from(Member))
        db.session.rollback()
    with psycopg.connect(pooled_url, prepare_threshold=None) as next_user:
        assert next_user.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        asked = ("app.organization_id", "app.login_id", "app.platform")
        left = [next_user.execute("SELECT current_setting(%s, true)", [name]).fetchone() for name in asked]
        assert {value for row in left if row for value in row} <= {"", None}
        assert next_user.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_with_one_address_for_everything_it_acts_as_its_own_role_behind_the_pooler_too(
    database: Database, redis_url: str, tmp_path: Path, clean_database: None
) -> None:
    with pooling(database.superuser_url, tmp_path, size=1) as url:
        app = pooled_application(url, redis_url, tmp_path)
        with app.app_context():
            for _ in range(2):
                acting = db.session.execute(text("SELECT current_user, current_setting('lock_timeout')"))
                assert acting.one() == ("duesbook_app", "5s")
                db.session.rollback()
            db.session.remove()
            db.engine.dispose()
