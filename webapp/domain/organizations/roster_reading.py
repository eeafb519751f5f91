"""A roster file seen through a column plan: one candidate per line, and why it is refused if it is."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from webapp.domain.organizations import roster_values as values
from webapp.domain.organizations.roster_columns import DATES, ColumnPlan, Field
from webapp.domain.organizations.roster_file import Line, RosterFile
from webapp.domain.organizations.roster_values import CellProblem, DateOrder

Reason = dict[str, str]
_NAMES = (Field.LAST_FIRST, Field.FULL_NAME, Field.LAST_NAME)


@dataclass
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


class Reading:
    """Decides formats over whole columns first, then reads line by line."""

    def __init__(self, file: RosterFile, plan: ColumnPlan, today: date) -> None:
        self.file, self.plan, self.today = file, plan, today
        self._columns = [
            (index, heading, plan.columns[heading])
            for index, heading in enumerate(file.headings)
            if plan.columns.get(heading, Field.IGNORE) is not Field.IGNORE
        ]
        self._orders = {name: self._date_order(name) for name in DATES}
        self._mark = values.decimal_mark(self._cells(Field.OWNERSHIP_SHARE))
        self._first_lines: dict[str, int] = {}
        self.emails: dict[str, str] = {}
        self._look_ahead()

    def candidates(self, start: int = 0, count: int | None = None) -> Iterator[Candidate]:
        stop = len(self.file.lines) if count is None else start + count
        return (self._candidate(line) for line in self.file.lines[start:stop])

    def _cells(self, name: Field) -> Iterator[str]:
        heading = self.plan.heading_of(name)
        return self.file.column(heading) if heading in self.file.headings else iter(())

    def _date_order(self, name: Field) -> DateOrder:
        chosen = self.plan.date_orders.get(name)
        return DateOrder(chosen) if chosen else values.date_order(self._cells(name))

    def _look_ahead(self) -> None:
        """Which line is the first with each number, and the e-mail the file gives it."""
        places = {name: index for index, _, name in self._columns}
        number_at, email_at = places.get(Field.NUMBER), places.get(Field.EMAIL)
        for line in self.file.lines:
            if line.problem or number_at is None:
                continue
            number = re.sub(r"\s+", " ", line.cells[number_at]).strip()
            if number and self._first_lines.setdefault(number, line.number) == line.number:
                self.emails[number] = line.cells[email_at].strip().lower() if email_at is not None else ""

    def _candidate(self, line: Line) -> Candidate:
        found = Candidate(line.number, line.cells)
        if line.problem:
            found.refuse(None, line.problem)
            return found
        for index, heading, name in self._columns:
            try:
                text = values.cleaned(line.cells[index], name)
                if text:
                    self._take(found, name, heading, text)
            except CellProblem as problem:
                found.refuse(heading, str(problem))
        self._complete(found)
        return found

    def _take(self, found: Candidate, name: Field, heading: str, text: str) -> None:
        match name:
            case Field.MORE:
                found.more[heading] = text
            case Field.ADDRESS:
                found.values["address"] = "\n".join(filter(None, [found.values.get("address", ""), text]))
            case Field.CHAPTER_CODE:
                found.values["chapter_code"] = text.upper()
                found.values.setdefault("chapter_name", f"{heading} {text}" if text.isdigit() else text)
            case Field.LAST_FIRST:
                found.values["first_name"], found.values["last_name"] = values.last_first(text)
            case Field.FULL_NAME:
                found.values |= {"first_name": "", "last_name": text}
            case _:
                found.values[name.value] = self._converted(name, text)

    def _converted(self, name: Field, text: str) -> Any:
        converters: dict[Field, Callable[[], Any]] = {
            Field.EMAIL: lambda: values.email(text),
            Field.JOINED_ON: lambda: values.joining_day(text, self._orders[name], self.today),
            Field.LEFT_ON: lambda: values.day(text, self._orders[name]),
            Field.OWNERSHIP_SHARE: lambda: values.share(text, self._mark),
            Field.PAYROLL_DEDUCTION: lambda: values.yes_or_no(text),
        }
        return converters[name]() if name in converters else text

    def _complete(self, found: Candidate) -> None:
        for name in (Field.CHAPTER_CODE, Field.STATUS):
            if (text := self.plan.fixed.get(name)) and name.value not in found.values:
                self._take(found, name, name.label, text)
        for name in (Field.NUMBER, Field.CHAPTER_CODE, Field.STATUS):
            self._require(found, name, name.value)
        self._require(found, next(filter(self.plan.has, _NAMES)), "last_name")
        if self.plan.has(Field.LAST_NAME) and self.plan.has(Field.FIRST_NAME):
            self._require(found, Field.FIRST_NAME, "first_name")
        found.values.setdefault("first_name", "")
        first = self._first_lines.get(found.values.get("number", ""), found.line)
        if first != found.line:
            heading = self.plan.heading_of(Field.NUMBER)
            found.refuse(heading, f"Line {first} has the same member number, {found.number}.")

    def _require(self, found: Candidate, name: Field, key: str) -> None:
        heading = self.plan.heading_of(name)
        if not found.values.get(key) and not any(reason["column"] == heading for reason in found.reasons):
            found.refuse(heading, f"The {_WORDS.get(name, 'name')} is missing.")


_WORDS = {
    Field.NUMBER: "member number",
    Field.CHAPTER_CODE: "chapter",
    Field.STATUS: "status",
    Field.FIRST_NAME: "first name",
    Field.LAST_NAME: "last name",
}
