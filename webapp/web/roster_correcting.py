"""The rows of a roster that were refused, to be corrected on the page instead of in the file."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.organizations import Chapter, RosterImport, roster_correcting, roster_import
from webapp.domain.organizations.roster import ImportState, RosterImportRow
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other

AT_ONCE = 20


class Cell(NamedTuple):
    """`name` is its field in the form; `problems` are sentences about this cell alone."""

    name: str
    heading: str
    text: str
    problems: list[str]


class Row(NamedTuple):
    """The cells to look at first, the others of the line, and what is wrong with the line as a whole."""

    line: int
    wrong: list[Cell]
    others: list[Cell]
    problems: list[str]

    @property
    def is_told_by(self) -> str:
        """The beginning of what stands in it."""
        return ", ".join([cell.text for cell in (*self.others, *self.wrong) if cell.text][:3])


def show(persona: str, import_: RosterImport) -> Response | str:
    if import_.state is not ImportState.CHECKED:
        return see_other(f"{persona}.roster_import", import_id=import_.id)
    return _page(persona, import_)


def create(persona: str, import_id: UUID, chapter: Chapter | None = None) -> Response | tuple[str, int]:
    typed = _typed(roster_import.find(import_id, chapter=chapter))
    try:
        with transaction():
            import_ = roster_import.find(import_id, chapter=chapter, lock=True)
            changed = roster_correcting.correct(import_, typed, current_organization, by=current_user)
    except Invalid as refusal:
        return _page(persona, roster_import.find(import_id, chapter=chapter), refusal.message), 422
    words = "1 row was" if changed == 1 else f"{changed} rows were"
    return see_other(f"{persona}.roster_import", notice=f"{words} corrected.", import_id=import_id)


def _page(persona: str, import_: RosterImport, problem: str = "") -> str:
    """What was typed is still there when it could not be used."""
    headings = import_.file().headings
    rows = db.session.scalars(import_.refused().limit(AT_ONCE)).all()
    return render_template(
        "roster_imports/correcting.html",
        persona=persona,
        import_=import_,
        problem=problem,
        rows=[_row(row, headings, request.form) for row in rows],
        longest=roster_correcting.LONGEST_CELL,
    )


def _name(line: int, column: int) -> str:
    return f"cell-{line}-{column}"


def _typed(import_: RosterImport) -> dict[int, list[str]]:
    """The lines that say something else than the page showed, or that were said to be right as shown."""
    columns = len(import_.file().headings)
    lines = request.form.getlist("line", type=int)
    found = RosterImportRow.here().all(
        RosterImportRow.import_id == import_.id, RosterImportRow.line.in_(lines)
    )
    shown = {row.line: _cells(row, columns) for row in found}
    typed = {line: [_text(line, column) for column in range(columns)] for line in lines}
    return {
        line: cells
        for line, cells in typed.items()
        if cells != shown.get(line) or f"as-shown-{line}" in request.form
    }


def _text(line: int, column: int) -> str:
    return request.form.get(_name(line, column), "").replace("\r\n", "\n")


def _cells(row: RosterImportRow, columns: int) -> list[str]:
    """As a browser sends it back."""
    return [cell.replace("\r\n", "\n") for cell in row.cells(columns)]


def _row(row: RosterImportRow, headings: Sequence[str], typed: Mapping[str, str]) -> Row:
    names = [_name(row.line, column) for column in range(len(headings))]
    texts = _cells(row, len(headings))
    cells = [
        Cell(name, heading, typed.get(name, text), _about(heading, row))
        for name, heading, text in zip(names, headings, texts, strict=True)
    ]
    wrong = [cell for cell in cells if cell.problems]
    others = [cell for cell in cells if not cell.problems]
    general = [item["reason"] for item in row.reasons if item["column"] not in headings]
    return Row(row.line, wrong or others, others if wrong else [], general)


def _about(heading: str, row: RosterImportRow) -> list[str]:
    return [item["reason"] for item in row.reasons if item["column"] == heading]
