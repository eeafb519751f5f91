"""A roster file seen through a column plan: one candidate per line, and why it is refused if it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from webapp.domain.organizations import roster_values as values
from webapp.domain.organizations.roster_columns import DATES, ColumnPlan, Field
from webapp.domain.organizations.roster_file import Line, RosterFile
from webapp.domain.organizations.roster_values import CellProblem, DateOrder

Reason = dict[str, str]
_NAMES = (Field.LAST_FIRST, Field.FULL_NAME, Field.LAST_NAME)
_OWN_WAY = (Field.MORE, Field.ADDRESS, Field.CHAPTER_CODE, Field.LAST_FIRST, Field.FULL_NAME)
_REPEATING = (
    Field.FIRST_NAME, Field.CHAPTER_CODE, Field.CHAPTER_NAME, Field.STATUS, Field.PLEDGE_CLASS,
    Field.JOINED_ON, Field.LEFT_ON, Field.OWNERSHIP_SHARE, Field.PAYROLL_DEDUCTION, Field.MORE,
)  # fmt: skip
_REMEMBERED = 20_000


@dataclass(slots=True)
class Candidate:
    """`values` has an entry per fact the line states: an empty cell states nothing and changes nothing."""

    line: int
    cells: tuple[str, ...]
    values: dict[str, Any] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    reasons: list[Reason] = field(default_factory=list)

    @property
    def number(self) -> str:
        return str(self.values["number"])

    @property
    def email(self) -> str | None:
        return self.values.get("email")

    @property
    def person(self) -> str:
        """The name for comparisons."""
        return f"{self.values['first_name']} {self.values['last_name']}".strip().casefold()

    def refuse(self, column: str | None, reason: str) -> None:
        self.reasons.append({"column": column or "", "reason": reason})


class Column(NamedTuple):
    """`read` gives what a cell says, or raises CellProblem; `fact` is what that is called in a candidate's
    values, or empty where several cells make a fact or one makes several.
    """

    position: int
    heading: str
    field: Field
    fact: str
    read: Callable[[str], Any]


class Reading:
    """Decides formats over whole columns first, then reads line by line."""

    def __init__(self, file: RosterFile, plan: ColumnPlan, today: date) -> None:
        self.file, self.plan, self.today = file, plan, today
        self.emails: dict[str, str] = {}
        self._first_lines: dict[str, int] = {}
        self._headings = {name: plan.heading_of(name) for name in Field}
        columns = [
            (index, heading, plan.columns[heading])
            for index, heading in enumerate(file.headings)
            if plan.columns.get(heading, Field.IGNORE) is not Field.IGNORE
        ]
        self._survey({name: index for index, _, name in columns})
        self._columns = [
            Column(index, heading, name, "" if name in _OWN_WAY else name.value, self._reader(name))
            for index, heading, name in columns
        ]
        self._needed = [(name, name.value) for name in (Field.NUMBER, Field.CHAPTER_CODE, Field.STATUS)]
        self._needed.append((next(filter(plan.has, _NAMES)), "last_name"))
        if plan.has(Field.LAST_NAME) and plan.has(Field.FIRST_NAME):
            self._needed.append((Field.FIRST_NAME, "first_name"))

    def candidates(self, start: int = 0) -> Iterator[Candidate]:
        """One for each line, the first `start` left out."""
        return map(self._candidate, islice(self.file.lines(), start, None))

    def _survey(self, places: dict[Field, int]) -> None:
        """What only the whole file tells: how dates and numbers are written, which line is the first with
        each member number, and the e-mail the file gives it.
        """
        number_at, email_at = places.get(Field.NUMBER), places.get(Field.EMAIL)
        told = {name: places[name] for name in (*DATES, Field.OWNERSHIP_SHARE) if name in places}
        cells: dict[Field, set[str]] = {name: set() for name in (*DATES, Field.OWNERSHIP_SHARE)}
        for line in self.file.lines():
            if line.problem:
                continue
            for name, index in told.items():
                cells[name].add(line.cells[index])
            number = values.trimmed(line.cells[number_at]) if number_at is not None else ""
            if number and self._first_lines.setdefault(number, line.number) == line.number:
                self.emails[number] = line.cells[email_at].strip().lower() if email_at is not None else ""
        self._orders = {name: self._date_order(name, cells[name]) for name in DATES}
        self._mark = values.decimal_mark(cell.strip() for cell in cells[Field.OWNERSHIP_SHARE])

    def _date_order(self, name: Field, cells: set[str]) -> DateOrder:
        chosen = self.plan.date_orders.get(name)
        return DateOrder(chosen) if chosen else values.date_order(cell.strip() for cell in cells)

    def _reader(self, name: Field) -> Callable[[str], Any]:
        """Columns in which the same cells come again and again remember what they mean."""
        convert = self._converter(name)
        longest = values.LONGEST.get(name, values.LONGEST_TEXT)

        def read(cell: str) -> Any:
            text = values.cleaned(cell, longest)
            return convert(text) if convert is not None and text else text

        return lru_cache(_REMEMBERED)(read) if name in _REPEATING else read

    def _converter(self, name: Field) -> Callable[[str], Any] | None:
        converters: dict[Field, Callable[[str], Any]] = {
            Field.EMAIL: values.email,
            Field.JOINED_ON: lambda text: values.joining_day(text, self._orders[name], self.today),
            Field.LEFT_ON: lambda text: values.day(text, self._orders[name]),
            Field.OWNERSHIP_SHARE: lambda text: values.share(text, self._mark),
            Field.PAYROLL_DEDUCTION: values.yes_or_no,
        }
        return converters.get(name)

    def _candidate(self, line: Line) -> Candidate:
        found = Candidate(line.number, line.cells)
        if line.problem:
            found.refuse(None, line.problem)
            return found
        cells, facts = line.cells, found.values
        for index, heading, name, fact, read in self._columns:
            cell = cells[index]
            if not cell:
                continue
            try:
                value = read(cell)
            except CellProblem as problem:
                found.refuse(heading, str(problem))
            else:
                if value == "":
                    continue
                if fact:
                    facts[fact] = value
                else:
                    self._take(found, name, heading, value)
        self._complete(found)
        return found

    def _take(self, found: Candidate, name: Field, heading: str, value: Any) -> None:
        if name is Field.MORE:
            found.more[heading] = value
        elif name is Field.ADDRESS:
            found.values["address"] = "\n".join(filter(None, [found.values.get("address", ""), value]))
        elif name is Field.CHAPTER_CODE:
            found.values["chapter_code"] = value.upper()
            found.values.setdefault("chapter_name", f"{heading} {value}" if value.isdigit() else value)
        elif name is Field.LAST_FIRST:
            found.values["first_name"], found.values["last_name"] = values.last_first(value)
        elif name is Field.FULL_NAME:
            found.values |= {"first_name": "", "last_name": value}
        else:
            found.values[name.value] = value

    def _complete(self, found: Candidate) -> None:
        for name, text in self.plan.fixed.items():
            if text and name.value not in found.values:
                self._take(found, name, name.label, text)
        for name, fact in self._needed:
            if not found.values.get(fact):
                self._refuse_missing(found, name)
        found.values.setdefault("first_name", "")
        first = self._first_lines.get(found.values.get("number", ""), found.line)
        if first != found.line:
            found.refuse(
                self._headings[Field.NUMBER], f"Line {first} has the same member number, {found.number}."
            )

    def _refuse_missing(self, found: Candidate, name: Field) -> None:
        heading = self._headings[name]
        if not any(reason["column"] == heading for reason in found.reasons):
            found.refuse(heading, f"The {_WORDS.get(name, 'name')} is missing.")


_WORDS = {
    Field.NUMBER: "member number",
    Field.CHAPTER_CODE: "chapter",
    Field.STATUS: "status",
    Field.FIRST_NAME: "first name",
    Field.LAST_NAME: "last name",
}
