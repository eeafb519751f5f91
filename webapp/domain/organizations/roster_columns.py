"""Which column of a roster file is what: guessed from the headings, corrected by a person, remembered."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

from webapp.core.errors import Invalid
from webapp.domain.organizations.roster_file import REFUSED_LINE, REFUSED_REASON, RosterFile


class Field(StrEnum):
    """What a column can hold."""

    NUMBER = "number"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    LAST_FIRST = "last_first"
    FULL_NAME = "full_name"
    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"
    CHAPTER_CODE = "chapter_code"
    CHAPTER_NAME = "chapter_name"
    STATUS = "status"
    PLEDGE_CLASS = "pledge_class"
    JOINED_ON = "joined_on"
    LEFT_ON = "left_on"
    OWNERSHIP_SHARE = "ownership_share"
    PAYROLL_DEDUCTION = "payroll_deduction"
    MORE = "more"
    IGNORE = "ignore"

    @property
    def label(self) -> str:
        return _LABELS.get(self, self.value.replace("_", " ").capitalize())


_LABELS = {
    Field.NUMBER: "Member number",
    Field.LAST_FIRST: "Name, written “Last, First”",
    Field.FULL_NAME: "Name in one piece (a person, a couple, a company)",
    Field.EMAIL: "E-mail",
    Field.ADDRESS: "Address (several columns become its lines)",
    Field.JOINED_ON: "Joined on",
    Field.LEFT_ON: "Left on (last day)",
    Field.OWNERSHIP_SHARE: "Ownership share in per cent",
    Field.PAYROLL_DEDUCTION: "Dues deducted from pay (yes or no)",
    Field.MORE: "Keep as additional information",
    Field.IGNORE: "Leave out",
}
DATES = (Field.JOINED_ON, Field.LEFT_ON)
MAY_BE_FIXED = (Field.CHAPTER_CODE, Field.STATUS)
_MAY_REPEAT = (Field.ADDRESS, Field.MORE, Field.IGNORE)

_SYNONYMS = {
    Field.NUMBER: "member number, member no, member id, membership number, number, no, id, card no,"
    " card number, unit, account, mitgliedsnummer, mitglieds nr, nummer, nr, einheit",
    Field.FIRST_NAME: "first name, first, given name, forename, vorname",
    Field.LAST_NAME: "last name, last, surname, family name, nachname, familienname",
    Field.LAST_FIRST: "last first, name last first, last name first name, nachname vorname",
    Field.FULL_NAME: "name, full name, member, member name, owner, owners, owner name, resident,"
    " company, eigentümer, mitglied, firma, vor und nachname",
    Field.EMAIL: "email, mail, email address, owner email, mail address, emailadresse, mailadresse",
    Field.PHONE: "phone, telephone, mobile, cell, phone number, telefon, handy, telefonnummer",
    Field.ADDRESS: "address, street, mailing address, city, zip, zip code, postcode, state, country,"
    " anschrift, adresse, straße, plz, ort, land",
    Field.CHAPTER_CODE: "chapter code, chapter, local, building, club, association, lodge, section, unit"
    " code, verein, gebäude, haus, ortsgruppe, abteilung",
    Field.CHAPTER_NAME: "chapter name, local name, club name, building name, vereinsname",
    Field.STATUS: "status, member status, classification, class, category, member type, membership"
    " type, type, kategorie, mitgliedsstatus, art",
    Field.PLEDGE_CLASS: "pledge class, cohort, intake, line, jahrgang",
    Field.JOINED_ON: "joined on, joined, join date, date joined, initiation date, initiated, member"
    " since, since, move in, move in date, start date, eintritt, eintrittsdatum,"
    " beitritt, einzug, mitglied seit",
    Field.LEFT_ON: "left on, left, leave date, end date, move out, resigned on, austritt,"
    " austrittsdatum, auszug",
    Field.OWNERSHIP_SHARE: "ownership share, ownership, ownership percent, share, share percent, anteil,"
    " miteigentumsanteil, mea",
    Field.PAYROLL_DEDUCTION: "payroll deduction, checkoff, check off, payroll, dues checkoff, lohnabzug",
    Field.IGNORE: f"{REFUSED_LINE}, {REFUSED_REASON}",
}
_TEMPLATE = {"membernumber", "firstname", "lastname", "chaptercode", "status"}
_WORD_FOR_STATUS = {"owner": "owner", "owners": "owner", "resident": "resident", "eigentumer": "owner"}
_NOT_BILLED = re.compile(
    r"inactive|honou?rary|former|deceased|resigned|suspended|left|ehemalig|ehren|ausgetreten"
)


@lru_cache(maxsize=4096)
def normalized(text: str) -> str:
    """`E-mail Address` and `email_address` are one: letters and digits only, without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[\W_]+", "", "".join(letter for letter in plain if not unicodedata.combining(letter)))


_BY_HEADING = {normalized(name): field for field, names in _SYNONYMS.items() for name in names.split(",")}


def header_key(headings: Iterable[str]) -> str:
    """The same for every file of this shape, also for the file of refused rows made from it."""
    left_out = {normalized(REFUSED_LINE), normalized(REFUSED_REASON)}
    names = [name for name in map(normalized, headings) if name not in left_out]
    return hashlib.sha256("|".join(names).encode()).hexdigest()


def status_key(text: str) -> str:
    """Statuses are compared without case, blanks and dashes."""
    return normalized(text)


def looks_billable(status: str) -> bool:
    return not _NOT_BILLED.search(status.casefold())


@dataclass(frozen=True)
class ColumnPlan:
    """How a file is read. `fixed` stands in where there is no column or an empty cell; `new_statuses` are
    created, true when their members are billed; `date_orders` is `mdy` or `dmy` where the dates themselves
    don't tell; `overwrite` lets the file win over fields that were changed by hand.
    """

    columns: Mapping[str, Field]
    fixed: Mapping[Field, str] = field(default_factory=dict)
    new_statuses: Mapping[str, bool] = field(default_factory=dict)
    date_orders: Mapping[Field, str] = field(default_factory=dict)
    overwrite: bool = False

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "ColumnPlan":
        return cls(
            columns={heading: Field(name) for heading, name in stored.get("columns", {}).items()},
            fixed={Field(name): text for name, text in stored.get("fixed", {}).items()},
            new_statuses=dict(stored.get("new_statuses", {})),
            date_orders={Field(name): order for name, order in stored.get("date_orders", {}).items()},
            overwrite=bool(stored.get("overwrite", False)),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "columns": {heading: name.value for heading, name in self.columns.items()},
            "fixed": {name.value: text for name, text in self.fixed.items()},
            "new_statuses": dict(self.new_statuses),
            "date_orders": {name.value: order for name, order in self.date_orders.items()},
            "overwrite": self.overwrite,
        }

    def heading_of(self, name: Field) -> str | None:
        return next((heading for heading, field_ in self.columns.items() if field_ is name), None)

    def has(self, name: Field) -> bool:
        return name in self.columns.values() or bool(self.fixed.get(name))

    def changed(
        self,
        *,
        columns: Mapping[str, Field],
        fixed: Mapping[Field, str],
        new_statuses: Mapping[str, bool],
        overwrite: bool | None = None,
    ) -> "ColumnPlan":
        """With these beside what it says already; Invalid for a column that the file has not."""
        if unknown := [heading for heading in columns if heading not in self.columns]:
            raise Invalid(" ".join(f"The file has no column “{heading}”." for heading in unknown))
        return replace(
            self,
            columns={**self.columns, **columns},
            fixed={**self.fixed, **fixed},
            new_statuses={**self.new_statuses, **new_statuses},
            overwrite=self.overwrite if overwrite is None else overwrite,
        )

    def require_complete(self) -> None:
        """Invalid with a sentence for everything that is missing or named twice."""
        problems = [
            f"Two columns can't both be “{name.label}”."
            for name, times in Counter(self.columns.values()).items()
            if times > 1 and name not in _MAY_REPEAT
        ]
        if not self.has(Field.NUMBER):
            problems.append("Say which column holds the member number.")
        if not any(map(self.has, (Field.LAST_NAME, Field.LAST_FIRST, Field.FULL_NAME))):
            problems.append("Say which column holds the name.")
        if not self.has(Field.CHAPTER_CODE):
            problems.append("Say which column holds the chapter, or choose one chapter for all.")
        if not self.has(Field.STATUS):
            problems.append("Say which column holds the status, or choose one status for all.")
        if problems:
            raise Invalid(" ".join(problems))


def is_template(file: RosterFile) -> bool:
    """Whether the file has the shape of the product's own template."""
    return set(map(normalized, file.headings)) >= _TEMPLATE


def guess(file: RosterFile) -> ColumnPlan:
    """By the headings, in English and German; a heading nobody knows is kept as additional information."""
    columns: dict[str, Field] = {}
    for heading in file.headings:
        found = _BY_HEADING.get(normalized(heading), Field.MORE)
        if found is Field.FULL_NAME and _is_last_first(file, heading):
            found = Field.LAST_FIRST
        if found in columns.values() and found not in _MAY_REPEAT:
            found = Field.MORE
        columns[heading] = found
    fixed = {}
    if Field.STATUS not in columns.values():
        fixed[Field.STATUS] = _status_for_all(columns)
    return ColumnPlan(columns=columns, fixed=fixed)


def _is_last_first(file: RosterFile, heading: str) -> bool:
    cells = [cell for cell in file.column(heading) if cell]
    return bool(cells) and sum(cell.count(",") == 1 for cell in cells) * 10 >= len(cells) * 9


def _status_for_all(columns: Mapping[str, Field]) -> str:
    names = (heading for heading, name in columns.items() if name is Field.FULL_NAME)
    return next((_WORD_FOR_STATUS.get(normalized(heading), "member") for heading in names), "member")


def statuses_in(file: RosterFile, plan: ColumnPlan) -> dict[str, int]:
    """Each status as the file writes it first, and how many lines have it."""
    heading = plan.heading_of(Field.STATUS)
    counts: Counter[str] = Counter()
    spelling: dict[str, str] = {}
    for cell in file.column(heading) if heading in file.headings else ():
        if text := cell or plan.fixed.get(Field.STATUS, ""):
            counts[spelling.setdefault(status_key(text), text)] += 1
    if heading is None and (text := plan.fixed.get(Field.STATUS, "")):
        counts[text] = file.count()
    return dict(counts)
