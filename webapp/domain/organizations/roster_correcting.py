"""Correcting refused rows where they stand: what is typed counts in place of the line of the file, which
stays as it was sent, and the whole file is checked again.
"""

from collections.abc import Collection, Mapping, Sequence

from webapp.core import audit
from webapp.core.db import db
from webapp.core.errors import Conflict, Invalid
from webapp.domain.organizations import roster_import
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.organization import Organization
from webapp.domain.organizations.roster import ImportState, RosterImport, RosterImportRow

MOST_LINES = 1_000
LONGEST_CELL = 2_000


def correct(
    import_: RosterImport, typed: Mapping[int, Sequence[str]], organization: Organization, *, by: Login | None
) -> int:
    """Put these cells, one for each heading, in place of these lines, and check the whole file again. How
    many lines say something else now. The caller holds the import.
    """
    if import_.state is not ImportState.CHECKED:
        raise Conflict(
            "Rows can be corrected here between the check and the import.",
            next_step="Download the refused rows, correct them in that file, and import it.",
        )
    headings = import_.file().headings
    corrections = dict[str, list[str]]()
    was, now = dict[str, str](), dict[str, str]()
    for row in _refused(import_, typed.keys()):
        cells = [_plain(cell) for cell in typed[row.line]]
        if len(cells) != len(headings):
            raise Invalid(f"Line {row.line} needs {len(headings)} cells, one for each heading.")
        if cells == row.values:
            continue
        corrections[str(row.line)] = cells
        for heading, before, after in zip(headings, row.cells(len(headings)), cells, strict=True):
            if before != after:
                place = f"Line {row.line}, {heading}"
                was[place], now[place] = before, after
    if not corrections:
        raise Invalid("Nothing was changed in these rows.")
    _keep(import_, corrections)
    audit.record("roster rows corrected", import_, by=by, before=was, after=now)
    roster_import.check(import_, organization)
    return len(corrections)


def _refused(import_: RosterImport, lines: Collection[int]) -> Sequence[RosterImportRow]:
    found = db.session.scalars(import_.refused(RosterImportRow.line.in_(lines))).all()
    for line in sorted(set(lines) - {row.line for row in found}):
        raise Conflict(
            f"Line {line} is not refused, or not any more.", next_step="Look at the refused rows again."
        )
    return found


def _keep(import_: RosterImport, corrections: Mapping[str, list[str]]) -> None:
    kept = {**import_.corrections, **corrections}
    if len(kept) > MOST_LINES:
        raise Invalid(
            f"At most {MOST_LINES:,} rows can be corrected here. Correct the file itself and upload it again."
        )
    import_.corrections = kept


def _plain(cell: str) -> str:
    """As short and as printable as the database keeps it."""
    return cell.replace("\0", "").strip()[:LONGEST_CELL]
