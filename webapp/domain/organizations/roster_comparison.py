"""What an import would do to each member: create, update, leave alone, or refuse."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Text, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from webapp.core import money, tenancy
from webapp.core.db import db, new_id
from webapp.domain.organizations.member import CORRECTABLE, Member
from webapp.domain.organizations.roster import RowOutcome
from webapp.domain.organizations.roster_columns import Field
from webapp.domain.organizations.roster_directory import Directory
from webapp.domain.organizations.roster_reading import Candidate, Reading

_LABELS = {"chapter_id": "Chapter", "status_id": "Status", "pledge_class_id": "Pledge class", "more": "More"}


@dataclass(slots=True)
class Decision:
    """`row` is what is written, `before` what those columns held. `changes` tells a person the same, and
    which fields are kept as they are.
    """

    candidate: Candidate
    outcome: RowOutcome
    row: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def keeps_something(self) -> bool:
        return any(change["kept"] for change in self.changes.values())

    @property
    def is_worth_listing(self) -> bool:
        return self.outcome is not RowOutcome.UNCHANGED or self.keeps_something


class Comparison:
    """Works on one stretch of lines after the other, and remembers who in the file has claimed an address."""

    def __init__(self, reading: Reading) -> None:
        self.reading, self.plan = reading, reading.plan
        self._email_heading = self.plan.heading_of(Field.EMAIL)
        self._claimed: dict[str, tuple[int, str]] = {}

    def decide(
        self, candidates: Iterable[Candidate], directory: Directory, *, lock: bool = False
    ) -> list[Decision]:
        stretch = list(candidates)
        existing = self._existing([c.number for c in stretch if "number" in c.values], lock=lock)
        holders = self._holders([c.email for c in stretch if c.email])
        return [self._decision(candidate, directory, existing, holders) for candidate in stretch]

    def _existing(self, numbers: Sequence[str], *, lock: bool) -> dict[str, Row[Any]]:
        columns: list[Any] = [Member.id, Member.more, Member.changed_by_hand]
        columns += [getattr(Member, name) for name in CORRECTABLE]
        statement = select(*columns).where(
            Member.organization_id == tenancy.organization_id(), _is_one_of(Member.number, numbers)
        )
        if lock:
            statement = statement.order_by(Member.id).with_for_update()
        return {row.number: row for row in db.session.execute(statement)}

    def _holders(self, emails: Sequence[str]) -> dict[str, list[Row[Any]]]:
        columns: list[Any] = [Member.email, Member.number, Member.first_name, Member.last_name]
        statement = select(*columns).where(
            Member.organization_id == tenancy.organization_id(), _is_one_of(Member.email, emails)
        )
        holders: dict[str, list[Row[Any]]] = {}
        for row in db.session.execute(statement):
            holders.setdefault(str(row.email), []).append(row)
        return holders

    def _decision(
        self,
        candidate: Candidate,
        directory: Directory,
        existing: dict[str, Row[Any]],
        holders: dict[str, list[Row[Any]]],
    ) -> Decision:
        if not candidate.reasons:
            directory.refuse_unknown(candidate)
            self._refuse_taken_email(candidate, directory, holders)
        stored = existing.get(candidate.values.get("number", ""))
        if stored is not None and directory.only is not None and stored.chapter_id != directory.only.id:
            candidate.refuse(
                self.plan.heading_of(Field.NUMBER), "The member with this number belongs to another chapter."
            )
        if candidate.reasons:
            return Decision(candidate, RowOutcome.REFUSED)
        if candidate.email:
            self._claimed[candidate.email] = (candidate.line, candidate.person)
        facts = directory.place(candidate)
        return (
            self._created(candidate, facts)
            if stored is None
            else self._updated(candidate, facts, stored, directory)
        )

    def _refuse_taken_email(
        self, candidate: Candidate, directory: Directory, holders: dict[str, list[Row[Any]]]
    ) -> None:
        """One address, one person: a couple or an owner of two units has one name on all of its rows."""
        email, heading = candidate.email, self._email_heading
        if not email:
            return
        earlier = self._claimed.get(email)
        if earlier is not None and earlier[1] != candidate.person:
            candidate.refuse(heading, f"Line {earlier[0]} has the same address, {email}, for somebody else.")
            return
        for holder in holders.get(email, ()):
            if not self._gives_up(holder, email, candidate):
                whose = f"{holder.first_name} {holder.last_name}".strip() + f" (member {holder.number})"
                whose = whose if directory.only is None else "another member"
                candidate.refuse(heading, f"The address {email} belongs to {whose} already.")
                return

    def _gives_up(self, holder: Row[Any], email: str, candidate: Candidate) -> bool:
        """Whether the address is the member's own, or this file gives its holder another one."""
        person = f"{holder.first_name} {holder.last_name}".strip().casefold()
        if holder.number == candidate.number or person == candidate.person:
            return True
        return self.reading.emails.get(holder.number, email) not in ("", email)

    def _created(self, candidate: Candidate, facts: dict[str, Any]) -> Decision:
        row = {"id": new_id(), **_BLANK, **facts, "more": candidate.more}
        return Decision(candidate, RowOutcome.CREATED, row)

    def _updated(
        self, candidate: Candidate, facts: dict[str, Any], stored: Row[Any], directory: Directory
    ) -> Decision:
        facts["more"] = {**stored.more, **candidate.more}
        decision = Decision(candidate, RowOutcome.UNCHANGED)
        for name, after in facts.items():
            before = getattr(stored, name)
            if before == after:
                continue
            kept = name in stored.changed_by_hand and not self.plan.overwrite
            decision.changes[_LABELS.get(name, name.replace("_", " ").capitalize())] = {
                "before": _text(before, directory),
                "after": _text(after, directory),
                "kept": kept,
            }
            if not kept:
                decision.row[name] = after
        if decision.row:
            decision.before = {name: getattr(stored, name) for name in decision.row}
            by_hand = [name for name in stored.changed_by_hand if name not in decision.row]
            if by_hand != stored.changed_by_hand:
                decision.before["changed_by_hand"] = stored.changed_by_hand
                decision.row["changed_by_hand"] = by_hand
            decision.row["id"] = stored.id
            decision.outcome = RowOutcome.UPDATED
        return decision


def _is_one_of(column: Any, texts: Sequence[str]) -> ColumnElement[bool]:
    """One array instead of a parameter for each: the statement is prepared once for every stretch."""
    found: ColumnElement[bool] = column == any_(literal(list(texts), ARRAY(Text)))
    return found


_BLANK: dict[str, Any] = {
    "email": None,
    "phone": None,
    "address": "",
    "pledge_class_id": None,
    "joined_on": None,
    "left_on": None,
    "ownership_share": None,
    "payroll_deduction": False,
    "changed_by_hand": [],
}


def _text(value: Any, directory: Directory) -> str:
    match value:
        case None:
            return ""
        case UUID():
            return directory.names.get(value, "")
        case date():
            return value.isoformat()
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return money.shortest(value)
        case dict():
            return "; ".join(f"{name}: {text}" for name, text in value.items())
        case _:
            return str(value)
