"""A small organization, and programs that speak to it with tokens of each role."""

import json
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests import factories
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import Chapter, Member, Organization, RoleName, tokens
from webapp.web import routes
from webapp.web.api.operations import OPERATIONS, Operation


def operations() -> list[Operation]:
    """Every operation there is, also before there is an application."""
    for name in routes.RESOURCES["api"]:
        import_module(f"webapp.web.api.{name}")
    return OPERATIONS


@dataclass(frozen=True)
class Program:
    """A program with a token of one organization."""

    client: FlaskClient
    token: str
    organization: Organization

    @property
    def here(self) -> str:
        return f"/api/organizations/{self.organization.id}/"

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.send("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.send("POST", path, body, **options)

    def patch(self, path: str, body: Any, **options: Any) -> TestResponse:
        return self.send("PATCH", path, body, **options)

    def send(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **options: Any
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Idempotency-Key": key} if key else {})
        if body is not None:
            options |= {"data": json.dumps(body), "content_type": "application/json"}
        address = path if path.startswith("/api/") else self.here + path
        return self.client.open(address, method=method, headers=headers, **options)


def program(
    client: FlaskClient, organization: Organization, role: RoleName, chapter: Chapter | None = None
) -> Program:
    with tenancy.acting_for(organization.id), transaction():
        _, text = tokens.create(f"A program of a {role.label}", role, chapter=chapter, by=None)
    return Program(client, text, organization)


@pytest.fixture
def chapter(organization: Organization) -> Chapter:
    return factories.make_chapter()


@pytest.fixture
def admin(client: FlaskClient, organization: Organization) -> Program:
    return program(client, organization, RoleName.NATIONAL_ADMIN)


@pytest.fixture
def auditor(client: FlaskClient, organization: Organization) -> Program:
    return program(client, organization, RoleName.AUDITOR)


@pytest.fixture
def treasurer(client: FlaskClient, organization: Organization, chapter: Chapter) -> Program:
    return program(client, organization, RoleName.TREASURER, chapter)


@pytest.fixture
def member(chapter: Chapter) -> Member:
    return factories.make_member(chapter, factories.make_status())


@pytest.fixture
def invoice(member: Member) -> Invoice:
    return factories.make_invoice(40_000, member=member)


def parts_of(answer: Any) -> list[dict[str, Any]]:
    """What a payment settles, without the ids of its allocations."""
    return [{key: part[key] for key in ("invoice_id", "amount")} for part in answer.json["allocations"]]


def count(kind: Any) -> int:
    db.session.rollback()
    return len(kind.here().all())
