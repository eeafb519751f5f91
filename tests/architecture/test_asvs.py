"""docs/asvs.csv is whole and true to the code: nothing of the standard is missing, and every proof exists."""

import ast
import csv
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = list(csv.DictReader((ROOT / "docs/asvs.csv").read_text().splitlines()))

LEVELS = {
    "1.1": "22", "1.2": "1111122223", "1.3": "112222222223", "1.4": "222", "1.5": "123",
    "2.1": "122", "2.2": "112", "2.3": "12223", "2.4": "23",
    "3.1": "3", "3.2": "113", "3.3": "12223", "3.4": "11222233", "3.5": "11122333", "3.6": "3",
    "3.7": "22333",
    "4.1": "12233", "4.2": "23333", "4.3": "22", "4.4": "1222",
    "5.1": "2", "5.2": "112333", "5.3": "113", "5.4": "222",
    "6.1": "122", "6.2": "111111112222", "6.3": "11223333", "6.4": "112233", "6.5": "22222333", "6.6": "2223",
    "6.7": "33", "6.8": "2222",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22",
    "8.1": "1233", "8.2": "1123", "8.3": "133", "8.4": "23",
    "9.1": "111", "9.2": "1222",
    "10.1": "22", "10.2": "223", "10.3": "22223", "10.4": "1111122222233333", "10.5": "22222", "10.6": "22",
    "10.7": "222",
    "11.1": "2233", "11.2": "22233", "11.3": "11233", "11.4": "1222", "11.5": "23", "11.6": "23",
    "11.7": "33",
    "12.1": "12233", "12.2": "11", "12.3": "22223",
    "13.1": "2333", "13.2": "222223", "13.3": "2233", "13.4": "1222233",
    "14.1": "22", "14.2": "12223333", "14.3": "122",
    "15.1": "12233", "15.2": "12233", "15.3": "1222222", "15.4": "3333",
    "16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "2223",
    "17.1": "23", "17.2": "22223333", "17.3": "22",
}  # fmt: skip
"""Of each section of OWASP ASVS 5.0.0 the level of its first, second, … requirement."""

WHOLE_CHAPTERS = {"V10", "V17"}
"""Not for Duesbook as a whole, so one row says why."""
BEYOND = {"1.2.10", "2.3.5", "3.4.7", "3.4.8", "3.5.8", "8.3.2", "15.4.2", "16.5.4"}
"""Of level 3, and wanted all the same."""


def test_the_table_of_levels_is_the_standards() -> None:
    assert Counter("".join(LEVELS.values())) == {"1": 70, "2": 183, "3": 92}


def test_every_requirement_of_levels_1_and_2_stands_there_once_with_its_level() -> None:
    wanted = {}
    for section, levels in LEVELS.items():
        if f"V{section.partition('.')[0]}" in WHOLE_CHAPTERS:
            continue
        for number, level in enumerate(levels, start=1):
            if level != "3" or f"{section}.{number}" in BEYOND:
                wanted[f"{section}.{number}"] = level
    listed = [(row["requirement"], row["level"]) for row in ROWS]
    assert listed == [*in_order(wanted | dict.fromkeys(WHOLE_CHAPTERS, "1 and 2"))]


def in_order(levels: dict[str, str]) -> list[tuple[str, str]]:
    return sorted(levels.items(), key=lambda one: [int(part) for part in one[0].lstrip("V").split(".")])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["requirement"])
def test_each_row_is_shown_or_explained(row: dict[str, str]) -> None:
    assert row["asks"] and row["chapter"]
    assert row["state"] in ("met", "not applicable", "open")
    assert row["shown_by"] if row["state"] == "met" else row["why"]
    if row["shown_by"]:
        assert exists(row["shown_by"]), f"{row['shown_by']} is not there"


def test_the_reasons_name_tests_and_files_that_exist() -> None:
    named = [word.strip("().,;") for row in ROWS for word in row["why"].split()]
    gone = [word for word in named if word.startswith(("tests/", "docs/", "webapp/")) and not exists(word)]
    assert gone == []


def exists(place: str) -> bool:
    path, *names = place.split("::")
    if not (ROOT / path).is_file():
        return False
    return not names or "::".join(names) in names_in(ROOT / path)


@cache
def names_in(path: Path) -> set[str]:
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
    return found
