"""What is downloaded: no browser runs it, and no spreadsheet calculates with it."""

import csv
import io
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as some
from werkzeug.test import TestResponse

from tests.services import Database
from tests.web.hostile import sow
from tests.web.world import ADMIN, World, enter, rules
from webapp.core.db import db
from webapp.domain.organizations import roster_file
from webapp.web.lists import csv_lines

STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
FORMULAS = ("=cmd|' /C calc'!A0", "@SUM(1+1)*", "＝1+1", "\t=1+1")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
PICKED = some.sampled_from([*STARTS, "'", '"', ",", ";", "\n", " ", "1", "a", "é"])
TEXTS = some.text(PICKED, max_size=12) | some.text(
    some.characters(codec="utf-8", exclude_characters="\0"), max_size=20
)


def cells(text: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]


def calculated(text: str) -> list[str]:
    """Cells that a spreadsheet takes for a formula."""
    return [cell for cell in cells(text) if cell.startswith(STARTS) and not NUMBER.fullmatch(cell)]


@pytest.mark.case("A15")
@given(some.lists(TEXTS, min_size=1, max_size=4))
@example(["=1+1", "'=1+1", "''=1", "'"])
def test_no_text_is_a_formula_in_a_file_and_each_comes_back_as_it_was(row: list[str]) -> None:
    text = "".join(csv_lines(["first", *(f"column {n}" for n in range(len(row)))], [["a", *row]]))
    assert calculated(text) == []
    if not any("\r" in cell or "\n" in cell for cell in row):
        [line] = roster_file.read(text.encode()).lines()
        assert list(line.cells) == ["a", *row]


def file_at(client: FlaskClient, address: str) -> TestResponse | None:
    """The list there as a file, or what gives nothing but a file."""
    answer = client.get(f"{address}{'&' if '?' in address else '?'}format=csv&form=csv")
    is_file = answer.mimetype in ("text/csv", "text/plain") and answer.status_code == 200
    return answer if is_file else None


def file_faults(answer: TestResponse) -> Iterator[str]:
    headers = answer.headers
    if headers["Content-Type"].startswith("text/csv"):
        yield from map(repr, calculated(answer.text))
    if not headers["Content-Disposition"].startswith("attachment"):
        yield "is shown"
    if "sandbox" not in headers["Content-Security-Policy"] or headers["X-Content-Type-Options"] != "nosniff":
        yield "may run"


@pytest.mark.case("A14", "A15")
def test_every_export_is_saved_and_not_run_and_has_no_formula(
    app: Flask, client: FlaskClient, world: World, database: Database
) -> None:
    """Whether an address gives a file at all is found out with the first formula."""
    db.session.rollback()
    giving = [
        world.address(rule) for rule in rules(app, "GET", "national", "treasurers", "members", "account")
    ]
    faults = []
    for formula in FORMULAS:
        sow(database, formula)
        enter(client, world.logins[ADMIN])
        files = {address: answer for address in giving if (answer := file_at(client, address))}
        faults += [f"{formula} {one}: {fault}" for one in files for fault in file_faults(files[one])]
        giving = list(files)
    assert faults == []
    assert len(giving) >= 12


@pytest.mark.case("A14")
def test_a_logo_is_a_picture_and_nothing_else_whoever_opens_it(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[ADMIN])
    answer = client.get(f"/o/{world.organization.slug}/national/settings/organization/logo.png")
    assert answer.mimetype == "image/png" and answer.data.startswith(b"\x89PNG")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
