"""Attacks happen between the same two worlds as visits to the pages, or on the application in production."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.conftest import CREDENTIAL_KEY
from webapp.app import create_app
from webapp.config import load
from webapp.core.db import db
from webapp.web import logs

HOST = "dues.example.org"


@pytest.fixture
def production(app: Flask, database: Any, redis_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application as it runs for real, at an address of its own."""
    made = create_app(
        load(
            environment="production",
            data=tmp_path,
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
    yield made
    with made.app_context():
        db.engine.dispose()
    logs.configure(app.config["SETTINGS"].log_level, readable=True)
