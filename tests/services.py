"""The real PostgreSQL and Redis that the tests run on.

A run starts one PostgreSQL and one Redis in its temporary folder, shared by its parallel workers; the last
worker stops them. Each worker migrates one template database and works in a copy of it. TEST_DATABASE_URL (a
superuser of a server that may be thrown away) and TEST_REDIS_URL point the tests at other servers.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import redis
from psycopg import sql

from webapp.adapters import schema
from webapp.adapters.embedded import EmbeddedServers
from webapp.adapters.embedded.postgres_server import APP_ROLE, OWNER_ROLE, SUPERUSER

# A person's own servers and services are never touched by a test.
PERSONAL_SETTINGS = [
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "MAIL_URL",
    "SENTRY_DSN",
    "SECRET_KEY",
    "CREDENTIAL_KEYS",
    "PUBLIC_URL",
    "STRIPE_API_BASE",
    "DUESBOOK_DATA",
    "DUESBOOK_ENVIRONMENT",
]
TEST_PASSWORD = "for-a-server-that-may-be-thrown-away"


@dataclass(frozen=True)
class Database:
    """One database, seen as the application, as the owner of its tables and as the superuser."""

    app_url: str
    owner_url: str
    superuser_url: str

    @property
    def name(self) -> str:
        return urlsplit(self.superuser_url).path.lstrip("/")

    def end(self, *backends: int) -> None:
        """These connections, by the process ids of their backends; they are gone when it returns."""
        with psycopg.connect(self.superuser_url) as superuser:
            for backend in backends:
                superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])

    def named(self, name: str) -> "Database":
        return Database(
            *(_with_path(url, name) for url in (self.app_url, self.owner_url, self.superuser_url))
        )


@dataclass(frozen=True)
class Services:
    """`server` is the maintenance database `postgres`; worker databases are made beside it."""

    server: Database
    redis_url: str
    worker: str

    def create_database(self, suffix: str, template: Database | None = None) -> Database:
        """An empty database that Duesbook can be migrated into, or a copy of `template`."""
        database = self.server.named(f"duesbook_{self.worker}_{suffix}")
        self.drop_database(database)
        with psycopg.connect(self.server.superuser_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(database.name),
                    sql.Identifier(OWNER_ROLE),
                    sql.Identifier(template.name if template else "template1"),
                )
            )
        if template is None:
            with psycopg.connect(database.superuser_url, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        return database

    def drop_database(self, database: Database) -> None:
        with psycopg.connect(self.server.superuser_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database.name))
            )


def pytest_configure() -> None:
    for name in PERSONAL_SETTINGS:
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def services(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str, testrun_uid: str
) -> Iterator[Services]:
    folder = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        folder = folder.parent
    with _running(folder / "servers") as own:
        yield replace(
            own, worker=f"{testrun_uid[:8]}_{worker_id}", redis_url=_numbered(own.redis_url, worker_id)
        )


@pytest.fixture(scope="session")
def template_database(services: Services) -> Iterator[Database]:
    """Migrated and otherwise empty; nothing may stay connected to it."""
    database = services.create_database("template")
    schema.upgrade(database.owner_url)
    yield database
    services.drop_database(database)


@pytest.fixture(scope="session")
def database(services: Services, template_database: Database) -> Iterator[Database]:
    """The database of this worker."""
    database = services.create_database("main", template_database)
    yield database
    services.drop_database(database)


@pytest.fixture
def empty_database(services: Services) -> Iterator[Database]:
    """Not migrated, for tests of the migrations themselves."""
    database = services.create_database("empty")
    yield database
    services.drop_database(database)


@pytest.fixture
def own_database(services: Services, template_database: Database) -> Iterator[Database]:
    """A migrated database for one test alone, for those that break it or leave rows behind."""
    database = services.create_database("own", template_database)
    yield database
    services.drop_database(database)


@pytest.fixture(scope="session")
def redis_url(services: Services) -> str:
    """A numbered database of this worker's own, empty at the start."""
    with redis.Redis.from_url(services.redis_url) as client:
        client.flushdb()
    return services.redis_url


@contextmanager
def _running(folder: Path) -> Iterator[Services]:
    database_url, redis_url = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
    if database_url and redis_url:
        yield Services(_set_up_roles(database_url), redis_url, "")
        return
    settings = {"max_connections": "200", "max_parallel_workers_per_gather": "0"}
    """To start processes for a handful of rows takes longer than to read them."""
    servers = EmbeddedServers(folder, durable=False, postgres_settings=settings)
    with servers as addresses:
        own = Database(
            *(servers.postgres.url(role, "postgres") for role in (APP_ROLE, OWNER_ROLE, SUPERUSER))
        )
        yield Services(
            _set_up_roles(database_url) if database_url else own, redis_url or addresses.redis_url, ""
        )


def _set_up_roles(superuser_url: str) -> Database:
    """Both roles on a server that is not ours, the same for every worker that comes along."""
    with psycopg.connect(superuser_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('duesbook tests'))")
        for name in OWNER_ROLE, APP_ROLE:
            role = sql.Identifier(name)
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).rowcount:
                connection.execute(sql.SQL("CREATE ROLE {}").format(role))
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD {}").format(role, TEST_PASSWORD)
            )
    return Database(_as_role(superuser_url, APP_ROLE), _as_role(superuser_url, OWNER_ROLE), superuser_url)


def _as_role(url: str, role: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{TEST_PASSWORD}@{host}"))


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


def _numbered(redis_url: str, worker_id: str) -> str:
    """Redis has sixteen numbered databases; `gw3` takes the fourth."""
    return _with_path(redis_url, "0" if worker_id == "master" else worker_id.removeprefix("gw"))
