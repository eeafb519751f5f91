"""A real PostgreSQL and a real Redis; every test starts with empty tables and ends with verified books."""

import gc
import os
from collections.abc import Callable, Iterator
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings

from tests.jobs import JobRunner, Silence
from tests.rows import Rows
from webapp.adapters import schema
from webapp.core import jobs as core_jobs
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.organizations import Login, roles, sessions
from webapp.domain.organizations.sessions import Method
from webapp.web import limits

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
"""How long an example takes says something about the machine and nothing about the product."""

pytest_plugins = [
    "tests.services",
    "tests.lines",
    "tests.processor",
    "tests.postmaster",
    "tests.web.worlds",
    "tests.security.forms",
]

FAULTS = Path(__file__).parent / "faults"
IN_TWO_STEPS = (Method.MEMORIZED, Method.APP_CODE)
CREDENTIAL_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def pytest_configure() -> None:
    """What is loaded now stays until the end: nobody need look through it for garbage, now or later."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What comes now is garbage seldom enough: to look for it as often as usual takes a fifth of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First what mostly waits, so that somebody is there all the while who makes use of the processor."""
    items.sort(key=lambda item: FAULTS not in item.path.parents)


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Iterator[int]:
    """Three for two processors, unless told: some always wait, for a lease to end or a server to start."""
    processors = yield
    is_told = "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ
    return processors if is_told else processors + processors // 2


@pytest.fixture(scope="session")
def migrate() -> Callable[[str], None]:
    return schema.upgrade


@pytest.fixture(scope="session")
def application(database: Any, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """One application per worker process, on the worker's own database."""
    from webapp.app import create_app
    from webapp.config import load

    settings = load(
        environment="development",
        data=Path(tmp_path_factory.mktemp("data")),
        database_url=database.app_url,
        database_owner_url=database.owner_url,
        redis_url=redis_url,
        secret_key="a secret key that only tests know, long enough",
        credential_keys=CREDENTIAL_KEY,
        public_url="http://localhost",
        log_level="ERROR",
    )
    app = create_app(settings)
    app.config["TESTING"] = True
    app.config["WTF_CSRF_ENABLED"] = False
    app.test_client_class = Browser
    return app


@pytest.fixture(scope="session")
def rows(database: Any) -> Iterator[Rows]:
    rows = Rows(database.superuser_url)
    yield rows
    rows.close()


@pytest.fixture
def clean_database(rows: Rows) -> Iterator[None]:
    yield
    rows.empty()


@pytest.fixture
def app(application: Flask, clean_database: None) -> Iterator[Flask]:
    core_jobs.deliver_through(Silence())
    limits.limiter.reset()
    with application.app_context():
        yield application
        db.session.rollback()
        db.session.remove()
        tenancy.leave()


class Browser(FlaskClient):
    """Every request has a context of its own, as on a server: nothing leaks in from the test."""

    def open(self, *args: Any, **options: Any) -> Any:
        return Context().run(super().open, *args, **{"buffered": True} | options)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask) -> Callable[[FlaskClient, Login], str]:
    """Signs this browser in, in two steps a moment ago as far as it says, and gives its session's token."""

    def _sign_in(client: FlaskClient, login: Login) -> str:
        with transaction():
            token = sessions.start(login, roles.session_limits(login), methods=IN_TWO_STEPS)
        serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        client.set_cookie(app.config["SESSION_COOKIE_NAME"], serializer.dumps({"token": token}))
        return token

    return _sign_in


@pytest.fixture
def jobs(app: Flask) -> JobRunner:
    return JobRunner()


@pytest.fixture(scope="session")
def founded(application: Flask, rows: Rows) -> Callable[[], Any]:
    return found_once(application, rows)


def found_once(application: Flask, rows: Rows) -> Callable[[], Any]:
    """Pi Chi Fraternity is founded once, and put back for every test."""
    from tests import factories

    def found() -> Any:
        made = factories.make_organization()
        with tenancy.acting_for(made.id):
            factories.found(made)
        return made

    return made_once(application, rows, found)


def made_once(application: Flask, rows: Rows, make: Callable[[], Any]) -> Callable[[], Any]:
    """Everything of an organization is made now, and put back whenever a test asks for the organization."""
    core_jobs.deliver_through(Silence())
    with application.app_context():
        made = make()
        db.session.remove()
    begun = rows.kept()
    rows.empty()

    def again() -> Any:
        rows.put_back(begun)
        return db.session.merge(made, load=False)

    return again


@pytest.fixture
def organization(app: Flask, founded: Callable[[], Any], rows: Rows) -> Iterator[Any]:
    """Pi Chi Fraternity: US dollars, New York time, standard chart and settings; the test acts for it."""
    from tests import factories

    made = founded()
    organization_id = made.id
    with tenancy.acting_for(organization_id):
        yield made
    db.session.rollback()
    if not rows.filled() <= factories.WITHOUT_MONEY:
        with tenancy.acting_for(organization_id):
            factories.verify_books(db.session.merge(made))
