"""A unit of the organization, with its own treasurer and its own ledger."""

from typing import Any

from sqlalchemy import CheckConstraint, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit
from webapp.core.db import Base, OrganizationRow, db, references_organization
from webapp.core.errors import Invalid
from webapp.domain.organizations.login import Login


class Chapter(OrganizationRow, Base):
    __tablename__ = "chapters"

    code: Mapped[str]
    name: Mapped[str]
    address: Mapped[str] = mapped_column(Text, default="")
    active: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        references_organization(),
        UniqueConstraint("organization_id", "code"),
        CheckConstraint("code = upper(code) AND code <> ''", "code_is_upper_case"),
    )

    @classmethod
    def found(cls, code: str, name: str, *, by: Login | None, address: str = "") -> "Chapter":
        """Codes are compared without case: `alp` is ALP."""
        code = code.strip().upper()
        if cls.here().first(cls.code == code) is not None:
            raise Invalid(fields={"code": f"There is a chapter {code} already."})
        chapter = cls(code=code, name=name, address=address, active=True)
        db.session.add(chapter)
        db.session.flush()
        audit.record("chapter founded", chapter, by=by, after=chapter.facts)
        return chapter

    @property
    def facts(self) -> dict[str, Any]:
        return {"code": self.code, "name": self.name, "address": self.address, "active": self.active}

    def change(self, *, name: str, address: str, active: bool, by: Login | None) -> None:
        before = self.facts
        self.name, self.address, self.active = name, address, active
        if before != self.facts:
            audit.record("chapter changed", self, by=by, before=before, after=self.facts)
