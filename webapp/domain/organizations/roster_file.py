"""From the bytes of an uploaded roster to numbered lines of text, or a sentence that says why not."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import NamedTuple

from webapp.core.errors import Invalid

MOST_BYTES = 10 * 1024 * 1024
MOST_LINES = 200_000
MOST_COLUMNS = 200
REFUSED_LINE, REFUSED_REASON = "Line in the file", "Why it was refused"
_DELIMITERS = ",;\t"
_TYPOGRAPHY = frozenset("\xa0’‘“”„–—…€£§°ºª«»´·®©™")
_QUOTED_FORMULA = re.compile(r"'+[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_TOO_LARGE_FIELD = "field larger"
_LONGEST_HEADING, _LONGEST_HEAD = 120, 100_000


class Unreadable(Invalid):
    """The file as a whole can't be read; no row of it was looked at."""

    next_step = "In the program the file comes from, save it as “CSV UTF-8” and upload it again."


class Line(NamedTuple):
    """`number` is where it starts in the file, as an editor counts. `problem` says why it has no use."""

    number: int
    cells: tuple[str, ...]
    problem: str | None = None


@dataclass(frozen=True)
class RosterFile:
    """The lines are read anew each time they are asked for, so that a long file takes little memory.

    `corrected` has what somebody typed since in place of a line, by its number.
    """

    encoding: str
    notice: str
    headings: tuple[str, ...]
    text: str
    delimiter: str
    corrected: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def lines(self) -> Iterator[Line]:
        """Those below the headings. Unreadable when a quotation mark swallows the rest of the file."""
        rows = _rows(self.text, self.delimiter)
        next(rows)
        return (_fitted(self._as_corrected(line), len(self.headings)) for line in rows)

    def count(self) -> int:
        """How many lines there are; Unreadable when there are none, or too many."""
        total = sum(1 for _ in self.lines())
        if not total:
            raise Unreadable("The file has headings and no rows below them.")
        if total > MOST_LINES:
            raise Unreadable(f"The file has more than {MOST_LINES:,} rows. Split it and import the parts.")
        return total

    def _as_corrected(self, line: Line) -> Line:
        typed = self.corrected.get(line.number)
        return line if typed is None else Line(line.number, typed)

    def column(self, heading: str) -> Iterator[str]:
        """What stands under a heading, blanks around it cut off."""
        index = self.headings.index(heading)
        return (line.cells[index].strip() for line in self.lines() if len(line.cells) > index)


def read(content: bytes) -> RosterFile:
    """The headings of a CSV file in UTF-8, or in Windows-1252 when that is plausible throughout."""
    _refuse_other_files(content)
    text, encoding, notice = _decoded(content)
    text = text.replace("\ufeff", "")
    delimiter = _delimiter(text)
    first = next(_rows(text, delimiter), None)
    if first is None or first.problem:
        raise Unreadable("The first line should hold the headings of the columns, and it can't be read.")
    if len(first.cells) > MOST_COLUMNS:
        raise Unreadable(
            f"The first line has {len(first.cells):,} columns. At most {MOST_COLUMNS} can be read."
        )
    return RosterFile(encoding, notice, _headings(first.cells), text, delimiter)


_OTHER_FILES = {
    b"PK\x03\x04": "an Excel workbook or a ZIP archive",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a compressed file",
    b"7z\xbc\xaf": "a compressed file",
    b"Rar!": "a compressed file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"{\\rtf": "a text document with formatting",
}
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<svg", b"<script")


def _refuse_other_files(content: bytes) -> None:
    """By what stands at the start, since the name says what somebody wished it were."""
    if len(content) > MOST_BYTES:
        raise Unreadable(
            f"The file is larger than {MOST_BYTES // 1024**2} MB. Split it and import the parts, each with"
            " the headings at its top."
        )
    if not content.strip(b"\xef\xbb\xbf\0 \t\r\n,;"):
        raise Unreadable("The file is empty.")
    start = content[:4096]
    for mark, what in _OTHER_FILES.items():
        if start.startswith(mark):
            raise Unreadable(f"This is {what}, not a CSV file, whatever its name says.")
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_MARKUP):
        raise Unreadable("This is a web page or XML, not a CSV file, whatever its name says.")
    if not start.startswith(_UTF_16_MARKS) and start.count(0) * 4 > len(start):
        raise Unreadable(
            "Much of the file is null bytes. It may be UTF-16 without the mark that says so, or no text."
        )


_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def _decoded(content: bytes) -> tuple[str, str, str]:
    if content.startswith(_UTF_16_MARKS):
        return _utf_16(content), "UTF-16", ""
    try:
        return content.decode("utf-8-sig"), "UTF-8", ""
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    if _is_partly_utf_8(content):
        raise Unreadable(f"The file mixes UTF-8 with another encoding, first in line {line}.")
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        text = ""
    if not text or not _is_plausible(text):
        raise Unreadable(
            f"The file is not UTF-8 (first in line {line}) and not plausibly Windows-1252 (Western European)"
            " either, so its letters can't be read with certainty."
        )
    notice = (
        "The file is not UTF-8; it was read as Windows-1252 (Western European, also called Latin-1)."
        " Look at the names below before you go on."
    )
    return text, "Windows-1252", notice


def _utf_16(content: bytes) -> str:
    try:
        return content.decode("utf-16")
    except UnicodeDecodeError as error:
        raise Unreadable("The file says it is UTF-16 and is damaged.") from error


def _is_partly_utf_8(content: bytes) -> bool:
    """Whether well-formed UTF-8 letters stand beside bytes that are not; read as one, some would garble."""
    return any(letter > "\x7f" for letter in content.decode("utf-8", "ignore"))


def _is_plausible(text: str) -> bool:
    """Whether Windows-1252 gives words as Western languages write them; other code pages do not."""
    if any(ord(letter) < 32 and letter not in "\t\r\n\0" for letter in text):
        return False
    return all(_is_western(word) for word in re.findall(r"\S*[^\x00-\x7f]\S*", text))


def _is_western(text: str) -> bool:
    for word in re.findall(r"[^\W\d_]+", text):
        foreign = sum(letter > "\x7f" for letter in word)
        if foreign > 2 and foreign * 2 > len(word):
            return False
        if re.search(r"[^\W\d_]", word) and any(
            later > "\x7f" and later.isupper() and before.islower() for before, later in pairwise(word)
        ):
            return False
    return all(
        letter <= "\x7f" or letter in _TYPOGRAPHY or unicodedata.name(letter, "").startswith("LATIN")
        for letter in text
    )


def _delimiter(text: str) -> str:
    """What cuts the first line into the most parts."""
    first = next((line for line in io.StringIO(text, newline="") if line.strip()), "")[:_LONGEST_HEAD]
    counts = {mark: len(next(csv.reader([first], delimiter=mark), [])) for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: counts[mark])


def _rows(text: str, delimiter: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if _TOO_LARGE_FIELD in str(error):
                raise Unreadable(
                    f"A cell that begins in line {start} has more than {csv.field_size_limit():,} characters."
                    " Perhaps a quotation mark there is never closed."
                ) from error
            if reader.line_num > start:
                raise Unreadable(f"A quotation mark opened in line {start} is never closed.") from error
            yield Line(start, (), "The quotation marks in this line don't match.")
        else:
            if any(cell.strip() for cell in cells):
                plain = [_without_apostrophe(cell) if cell[:1] == "'" else cell for cell in cells]
                yield Line(start, tuple(plain))
        start = reader.line_num + 1


def _without_apostrophe(cell: str) -> str:
    """Our own exports put an apostrophe before what a spreadsheet would run; coming back, it goes again."""
    return cell[1:] if _QUOTED_FORMULA.match(cell) else cell


def _headings(cells: Sequence[str]) -> tuple[str, ...]:
    headings: list[str] = []
    for position, cell in enumerate(cells, 1):
        plain = " ".join(cell.replace("\0", "").split())
        heading = plain[:_LONGEST_HEADING].strip() or f"Column {position}"
        repeated = (f"{heading} ({number})" for number in range(2, len(cells) + 2))
        headings.append(next(name for name in chain([heading], repeated) if name not in headings))
    return tuple(headings)


def _fitted(line: Line, columns: int) -> Line:
    """Empty cells beyond the headings are a spreadsheet's habit; anything else is a shifted row."""
    cells = line.cells
    if line.problem or len(cells) == columns:
        return line
    if len(cells) > columns and not any(cell.strip() for cell in cells[columns:]):
        return Line(line.number, cells[:columns])
    words = "fewer" if len(cells) < columns else "more"
    return Line(
        line.number, cells, f"This line has {len(cells)} columns, {words} than the {columns} headings."
    )
