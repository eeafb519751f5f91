"""A batch from a CSV file: columns are known by their headings, whatever their order."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from webapp.core.errors import Conflict
from webapp.domain.organizations import Organization, roster_file
from webapp.domain.organizations.roster_columns import normalized
from webapp.domain.organizations.roster_file import Line, RosterFile, Unreadable
from webapp.domain.payments.batch_lines import Read, keep
from webapp.domain.payments.batches import MOST_LINES, ReceiptBatch, line_after_last

_KNOWN = {
    "number": "member number, member no, member id, number, no, account, account number, account no, employee"
    " number, employee no, employee id, badge, badge number, id, mitgliedsnummer, nummer, personalnummer",
    "email": "email, e-mail, email address, mail",
    "name": "name, full name, member, member name, employee, employee name, payer, from, unit owner",
    "first": "first name, given name, first, vorname",
    "last": "last name, surname, family name, last, nachname",
    "amount": "amount, amount paid, paid, payment, deduction, dues, dues amount, total, sum, betrag",
    "reference": "reference, ref, reference number, check, check no, check number, check num, cheque, cheque"
    " number, memo, transaction, transaction id, referenz",
}
_BY_HEADING = {normalized(name): field for field, names in _KNOWN.items() for name in names.split(",")}


@dataclass(frozen=True)
class Taken:
    """What was read: how many lines, those of nothing left out, and what each heading was taken for."""

    lines: int
    nothing: int
    columns: Mapping[str, str]
    unused: tuple[str, ...]
    notice: str


class SameFile(Conflict):
    message = "This file is in this batch already."
    next_step = "If a line is missing, type it below the others."


def add_file(batch: ReceiptBatch, name: str, content: bytes, organization: Organization) -> Taken:
    """Its lines stand below those that are there. Unreadable says why not."""
    batch.refuse_unless_draft()
    digest = hashlib.sha256(content).hexdigest()
    if digest == batch.file_digest:
        raise SameFile
    file = roster_file.read(content)
    if file.count() > MOST_LINES:
        raise Unreadable(f"The file has more than {MOST_LINES:,} lines. Split it into two deposits.")
    columns = _columns(file)
    first = line_after_last(batch)
    meant = list(_read(file, columns))
    rows = [row for row in meant if not _is_nothing(row)]
    placed = [Read(first + i, row.keys, row.amount, row.reference) for i, row in enumerate(rows)]
    keep(batch, [row.position for row in placed], placed, organization)
    batch.file_name, batch.file_digest = name[:200], digest
    return Taken(
        len(rows),
        len(meant) - len(rows),
        {heading: field for field, heading in columns.items()},
        tuple(heading for heading in file.headings if heading not in columns.values()),
        file.notice,
    )


def _columns(file: RosterFile) -> dict[str, str]:
    """The heading of each field; the first of several wins."""
    found: dict[str, str] = {}
    for heading in file.headings:
        if field := _BY_HEADING.get(normalized(heading)):
            found.setdefault(field, heading)
    if "amount" not in found:
        raise Unreadable(f"No column is called “Amount”. The headings are: {', '.join(file.headings)}.")
    if not found.keys() & {"number", "email", "name", "last"}:
        raise Unreadable(
            "No column says who paid: one called “Member number”, “Email” or “Name” is needed."
            f" The headings are: {', '.join(file.headings)}."
        )
    return found


def _read(file: RosterFile, columns: Mapping[str, str]) -> Iterator[Read]:
    places = {field: file.headings.index(heading) for field, heading in columns.items()}
    for line in file.lines():
        yield _line(line, places)


def _line(line: Line, places: Mapping[str, int]) -> Read:
    if line.problem:
        return Read(line.number, [f"Line {line.number} of the file can't be read"], "", "")
    cell = {field: line.cells[place].strip() for field, place in places.items()}
    name = cell.get("name") or f"{cell.get('first', '')} {cell.get('last', '')}".strip()
    keys = [key for key in (cell.get("number"), cell.get("email"), name) if key]
    return Read(line.number, keys, cell["amount"], cell.get("reference", ""))


def _is_nothing(row: Read) -> bool:
    """Payroll files list people from whom nothing was deducted."""
    try:
        return Decimal(str(row.amount or 0)) == 0 and bool(row.keys) and not row.keys[0].startswith("Line ")
    except InvalidOperation:
        return False
