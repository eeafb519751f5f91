"""Attacks happen between the same two worlds as visits to the pages, or on the application in production."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from tests.conftest import CREDENTIAL_KEY
from webapp.app import create_app
from webapp.config import load
from webapp.core.db import db
from webapp.web import logs

HOST = "dues.example.org"


@pytest.fixture(scope="session")
def made_for_production(
    application: Flask, database: Any, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Flask:
    return create_app(
        load(
            environment="production",
            data=tmp_path_factory.mktemp("production"),
            database_url=database.app_url,
            database_owner_url=database.owner_url,
            redis_url=redis_url,
            secret_key="a secret key that only tests know, long enough",
            credential_keys=CREDENTIAL_KEY,
            mail_url="smtp://127.0.0.1:1",
            public_url=f"https://{HOST}",
            log_level="CRITICAL",
        )
    )


@pytest.fixture
def production(app: Flask, made_for_production: Flask) -> Iterator[Flask]:
    """The application as it runs for real, at an address of its own."""
    logs.configure("CRITICAL", readable=False)
    yield made_for_production
    with made_for_production.app_context():
        db.engine.dispose()
    logs.configure(app.config["SETTINGS"].log_level, readable=True)
