"""The demo's roster: as the file has it, or the same people in another number and other chapters."""

import csv
import io
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from webapp.core.errors import Invalid

FILE = Path(__file__).with_name("roster.csv")
_FEWEST_PER_CHAPTER = 10


def content(members: int | None = None, chapters: int | None = None) -> bytes:
    """CSV in the product's own template. Invalid when a chapter would have hardly anybody."""
    if members is None and chapters is None:
        return FILE.read_bytes()
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    places = list(islice(_places(rows), chapters or len({row["chapter_code"] for row in rows})))
    wanted = members or len(rows)
    if wanted < _FEWEST_PER_CHAPTER * len(places):
        raise Invalid(f"Make at least {_FEWEST_PER_CHAPTER} members for each of {len(places)} chapters.")
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]))
    writer.writeheader()
    writer.writerows(_person(rows, number) | places[number % len(places)] for number in range(wanted))
    return buffer.getvalue().encode()


def _person(rows: list[dict[str, str]], number: int) -> dict[str, str]:
    row, turn = rows[number % len(rows)], number // len(rows)
    name, at, host = row["email"].partition("@")
    email = f"{name}.{turn + 1}{at}{host}" if turn and at else row["email"]
    return row | {"member_number": f"PX{number + 1:05d}", "email": email}


def _places(rows: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """The file's chapters, and then as many more as are asked for."""
    known = {row["chapter_code"]: row["chapter_name"] for row in rows}
    for turn in count(1):
        again = "" if turn == 1 else str(turn)
        for code, name in known.items():
            yield {"chapter_code": f"{code}{again}", "chapter_name": f"{name} {again}".strip()}
