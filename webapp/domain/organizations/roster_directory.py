"""What the organization has already, and what an import adds to it: statuses, chapters, pledge classes."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from webapp.core.bulk import insert_rows
from webapp.core.db import db, new_id
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.member import MemberStatus, PledgeClass, status_code
from webapp.domain.organizations.roster_columns import ColumnPlan, Field, status_key
from webapp.domain.organizations.roster_reading import Candidate


class Directory:
    """Looks names up and hands out ids; `write()` makes what is new. A dry run never writes.

    A status is only created when the plan says so: a misspelt one would otherwise be billed, or not, by
    accident. Chapters and pledge classes are made on the way, but not by the treasurer of one chapter.
    """

    def __init__(self, plan: ColumnPlan, only: Chapter | None = None) -> None:
        self.plan, self.only = plan, only
        self.chapters: dict[str, UUID] = {}
        self.statuses: dict[str, UUID] = {}
        self.pledge_classes: dict[tuple[UUID, str], UUID] = {}
        self.names: dict[UUID, str] = {}
        self._new: dict[type[Any], list[dict[str, Any]]] = {MemberStatus: [], Chapter: [], PledgeClass: []}
        self._load()
        if only is None:
            self._plan_statuses()

    def _load(self) -> None:
        for status_id, code, label in db.session.execute(
            select(MemberStatus.id, MemberStatus.code, MemberStatus.label)
        ):
            self.statuses[status_key(code)] = self.statuses[status_key(label)] = status_id
            self.names[status_id] = label
        for chapter_id, code, name in db.session.execute(select(Chapter.id, Chapter.code, Chapter.name)):
            self.chapters[code] = chapter_id
            self.names[chapter_id] = name
        for class_id, chapter_id, name in db.session.execute(
            select(PledgeClass.id, PledgeClass.chapter_id, PledgeClass.name)
        ):
            self.pledge_classes[chapter_id, name.casefold()] = class_id
            self.names[class_id] = name

    def _plan_statuses(self) -> None:
        position = len(self.statuses)
        for text, billable in self.plan.new_statuses.items():
            if status_key(text) in self.statuses:
                continue
            position += 1
            label = text[:1].upper() + text[1:]
            status_id = self._add(
                MemberStatus, label, code=status_code(text), label=label, billable=billable, position=position
            )
            self.statuses[status_key(text)] = status_id

    def _add(self, kind: type[Any], called: str, **row: Any) -> UUID:
        row_id = new_id()
        self._new[kind].append({"id": row_id, **row})
        self.names[row_id] = called
        return row_id

    def refuse_unknown(self, candidate: Candidate) -> None:
        """A status nobody defined, or a chapter that is not this treasurer's."""
        heading = self.plan.heading_of
        status, code = candidate.values["status"], candidate.values["chapter_code"]
        if status_key(status) not in self.statuses:
            known = ", ".join(sorted({self.names[found] for found in self.statuses.values()})) or "none yet"
            candidate.refuse(
                heading(Field.STATUS), f"“{status}” is not a status of this organization ({known})."
            )
        if self.only is not None and code != self.only.code:
            candidate.refuse(
                heading(Field.CHAPTER_CODE), f"“{code}” is another chapter; you import for {self.only.code}."
            )

    def place(self, candidate: Candidate) -> dict[str, Any]:
        """The facts as columns of the member's row."""
        facts = dict(candidate.values)
        code, name = facts.pop("chapter_code"), facts.pop("chapter_name")
        chapter_id = self.chapters.get(code)
        if chapter_id is None:
            chapter_id = self.chapters[code] = self._add(Chapter, name, code=code, name=name)
        facts |= {"chapter_id": chapter_id, "status_id": self.statuses[status_key(facts.pop("status"))]}
        if class_name := facts.pop("pledge_class", None):
            facts["pledge_class_id"] = self._pledge_class(chapter_id, class_name)
        return facts

    def _pledge_class(self, chapter_id: UUID, name: str) -> UUID:
        key = (chapter_id, name.casefold())
        if key not in self.pledge_classes:
            self.pledge_classes[key] = self._add(PledgeClass, name, chapter_id=chapter_id, name=name)
        return self.pledge_classes[key]

    @property
    def additions(self) -> dict[str, list[str]]:
        """The ids of the statuses, chapters and pledge classes that are new, by table."""
        return {
            kind.__tablename__: [str(row["id"]) for row in rows] for kind, rows in self._new.items() if rows
        }

    def write(self) -> None:
        for kind, rows in self._new.items():
            insert_rows(kind, rows)
            rows.clear()
