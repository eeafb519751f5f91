"""What the operator reads and copies is true: units and compose file are read, and every name exists."""

import re
import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient

from webapp.config import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
MANUAL = (ROOT / "docs" / "operations.md").read_text()
UNITS = sorted(path for path in DEPLOY.iterdir() if path.suffix in {".service", ".socket", ".timer"})
PROGRAMS = {"gunicorn", "python", "flask"}


def exists(application: Flask, words: list[str]) -> bool:
    """Whether this command line names a module, a configuration and an application that are there."""
    program, *rest = words
    if Path(program).name == "flask":
        return is_command(application, rest)
    named = [word.removeprefix("python:") for word in rest if word.startswith("python:")]
    named += [word.partition(":")[0] for word in rest if word.endswith(":application")]
    named += [after for word, after in pairwise(rest) if word == "-m"]
    return Path(program).name in PROGRAMS and bool(named) and all(map(find_spec, named))


def is_command(application: Flask, words: list[str]) -> bool:
    command: click.Command | None = application.cli
    for word in words:
        if not isinstance(command, click.Group):
            break
        command = command.commands.get(word)
    return command is not None and not isinstance(command, click.Group)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_what_exists_and_stops_gently(application: Flask, unit: Path) -> None:
    read = ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment, method-assign]
    read.read(unit)
    if "Service" not in read:
        assert unit.with_suffix(".service").exists()
        return
    service = read["Service"]
    assert exists(application, shlex.split(service["ExecStart"])), service["ExecStart"]
    assert service["EnvironmentFile"] == "/etc/duesbook/environment"
    if service.get("Type") != "oneshot":
        assert int(service["TimeoutStopSec"]) > 30


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """With programs that are there, because it looks for them. Without systemd they are only counted."""
    for unit in UNITS:
        here = unit.read_text().replace("/opt/duesbook/.venv/bin/", f"{Path(sys.executable).parent}/")
        (tmp_path / unit.name.replace("@.", "@1.")).write_text(here.replace("/opt/duesbook", str(ROOT)))
    if analyze := shutil.which("systemd-analyze"):
        files = sorted(str(path) for path in tmp_path.iterdir())
        done = subprocess.run([analyze, "verify", *files], capture_output=True, text=True, check=False)
        assert [line for line in done.stderr.splitlines() if "duesbook" in line] == []
    assert len(UNITS) == 6


def test_the_compose_file_starts_what_exists_with_settings_that_exist(application: Flask) -> None:
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    ours = {name: one for name, one in read["services"].items() if "build" in one}
    assert set(ours) == {"migrations", "web", "worker", "bulk-worker", "scheduler"}
    for name, one in ours.items():
        assert set(one["environment"]) <= settings(), name
        assert exists(application, one["command"]) if "command" in one else name == "web"
        for wanted in one["depends_on"]:
            assert wanted in read["services"]
    image = (DEPLOY / "Dockerfile").read_text()
    started = re.search(r"^CMD \[(.*)\]", image, re.MULTILINE)
    assert started and exists(application, re.findall(r'"([^"]+)"', started[1]))


def settings() -> set[str]:
    return {str(field.validation_alias) for field in Settings.model_fields.values()}


def test_the_manual_explains_every_setting() -> None:
    explained = set(re.findall(r"^\| `([A-Z_]+)` \|", MANUAL, re.MULTILINE))
    assert explained == settings() | {"WEB_CONCURRENCY"}


def test_every_command_of_the_manual_exists(application: Flask) -> None:
    named = [shlex.split(found)[1:] for found in re.findall(r"`(flask [^`]+)`", MANUAL)]
    assert len(named) >= 8
    assert [words for words in named if not is_command(application, words)] == []


def test_every_figure_of_the_manual_is_given(client: FlaskClient) -> None:
    named = set(re.findall(r"`(duesbook_\w+)", MANUAL)) - {
        "duesbook_owner",
        "duesbook_app",
        "duesbook_backup",
    }
    text = client.get("/metrics").text
    given = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    assert {name for name in named if name not in given} == set()
