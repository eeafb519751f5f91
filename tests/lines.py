"""The log lines of a test, as production writes them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from webapp.web import logs

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written(app: Flask, capfd: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """Those since it was asked last."""
    logs.configure("INFO", readable=False)
    yield lambda: [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    logs.configure(app.config["SETTINGS"].log_level, readable=True)
