"""One cell at a time: what it means, or why it can't be used. A format is decided for a whole column."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from enum import StrEnum

from webapp.core import clock

LONGEST = {"number": 64, "phone": 64, "status": 64, "chapter_code": 64, "email": 254, "address": 1000}
LONGEST_TEXT = 120
_EMAIL = re.compile(r"[^\s@<>\",;:()\[\]\\]+@[^\s@<>\",;:()\[\]\\.]+(\.[^\s@<>\",;:()\[\]\\.]+)+")
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T]00:00(?::00)?)?")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})(?: 0?0:00(?::00)?)?")
_YES = {"y", "yes", "true", "1", "x", "ja", "j", "on"}
_NO = {"n", "no", "false", "0", "nein", "off", "-"}
_INVISIBLE = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class CellProblem(Exception):
    """The sentence for the person who sent the file."""


class DateOrder(StrEnum):
    MONTH_FIRST = "mdy"
    DAY_FIRST = "dmy"
    UNDECIDED = "undecided"
    MIXED = "mixed"


def trimmed(cell: str) -> str:
    """Without blanks around it, inner runs of blanks made one, in composed form."""
    text = " ".join(cell.split())
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def cleaned(cell: str, longest: int = LONGEST_TEXT) -> str:
    """Trimmed. A name is text and nothing else: a formula or a tag in it stays as written, because every
    page and export makes it harmless.
    """
    if not cell.isprintable():
        if "\0" in cell:
            raise CellProblem("This cell contains a null byte, which no text has.")
        if _INVISIBLE.search(cell):
            raise CellProblem("This cell contains an invisible control character.")
    text = trimmed(cell)
    if len(text) > longest:
        raise CellProblem(f"This is {len(text)} characters long; at most {longest} fit.")
    return text


def email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise CellProblem(f"“{text}” is not an e-mail address.")
    return text.lower()


def yes_or_no(text: str) -> bool:
    word = text.casefold()
    if word not in _YES | _NO:
        raise CellProblem(f"“{text}” is neither yes nor no.")
    return word in _YES


def last_first(text: str) -> tuple[str, str]:
    """`Cole, Melissa` gives first and last name; without a comma it is all one name."""
    last, _, first = text.partition(",")
    return first.strip(), last.strip()


def date_order(cells: Iterable[str]) -> DateOrder:
    """Whether 06/18/2022 or 18/06/2022 is this column's custom: some day after the 12th tells."""
    found = set()
    for cell in cells:
        match = _SLASHED.fullmatch(cell)
        if match and int(match[1]) > 12 >= int(match[2]):
            found.add(DateOrder.DAY_FIRST)
        elif match and int(match[2]) > 12 >= int(match[1]):
            found.add(DateOrder.MONTH_FIRST)
    if len(found) > 1:
        return DateOrder.MIXED
    return found.pop() if found else DateOrder.UNDECIDED


def day(text: str, order: DateOrder) -> date:
    if match := _ISO.fullmatch(text):
        year, month, day_ = map(int, match.groups())
    elif match := _DOTTED.fullmatch(text):
        day_, month, year = map(int, match.groups())
    elif match := _SLASHED.fullmatch(text):
        one, two, year = map(int, match.groups())
        if order in (DateOrder.UNDECIDED, DateOrder.MIXED) and one != two:
            raise CellProblem(_which_is_it(text, order))
        day_, month = (one, two) if order is DateOrder.DAY_FIRST else (two, one)
    else:
        raise CellProblem(f"“{text}” is not a date. Write it like 2026-09-01.")
    try:
        found = date(year, month, day_)
    except ValueError as error:
        raise CellProblem(f"“{text}” is not a day in the calendar.") from error
    if not 1900 <= year <= 2100:
        raise CellProblem(f"“{text}” has a year that can't be right.")
    return found


def _which_is_it(text: str, order: DateOrder) -> str:
    if order is DateOrder.MIXED:
        return (
            f"“{text}”: some dates in this column have the month first and others the day. Write them like"
            " 2026-09-01, or choose the order."
        )
    return (
        f"“{text}” can mean two days, and no other date in this column tells which. Write it like 2026-09-01,"
        " or choose the order."
    )


def joining_day(text: str, order: DateOrder, today: date) -> date:
    """Up to a year ahead is fine, since members are enrolled for a coming term; later than that is a slip."""
    found = day(text, order)
    if found > clock.add_months(today, 12):
        raise CellProblem(f"“{text}” is more than a year in the future.")
    return found


def decimal_mark(cells: Iterable[str]) -> str | None:
    """Whether a column writes 1,5625 or 1.5625: decided by numbers that can be read in one way only."""
    found = set()
    for cell in cells:
        marks = re.findall(r"[.,]", cell)
        tail = re.search(r"[.,](\d*)\s*%?$", cell)
        if (
            marks
            and tail
            and (len(set(marks)) == 2 or (len(marks) == 1 and _cant_be_thousands(cell, tail[1])))
        ):
            found.add(marks[-1])
    return found.pop() if len(found) == 1 else None


def _cant_be_thousands(cell: str, tail: str) -> bool:
    head = re.split(r"[.,]", cell)[0].strip()
    return len(tail) != 3 or head in ("", "0") or len(head) > 3


def share(text: str, mark: str | None) -> Decimal:
    """A percentage with up to six decimals."""
    body = text.removesuffix("%").replace(" ", "")
    if re.search(r"[.,]", body) and mark is None:
        raise CellProblem(f"“{text}” can mean two numbers, and no other in this column tells which.")
    other = "." if mark == "," else ","
    if mark:
        body = re.sub(rf"(?<=\d){re.escape(other)}(?=\d{{3}}(\D|$))", "", body).replace(mark, ".")
    if not re.fullmatch(r"\d{1,3}(\.\d+)?|\.\d+", body):
        raise CellProblem(f"“{text}” is not a percentage.")
    found = Decimal(body)
    if found != round(found, 6):
        raise CellProblem(f"“{text}” has more than six decimals.")
    if found > 100:
        raise CellProblem(f"“{text}” is more than 100 per cent.")
    return found
