"""The account that is billed, and what an organization says about its members."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from webapp.core import audit
from webapp.core.db import Base, OrganizationRow, belongs_to, db, references, references_organization
from webapp.core.errors import Conflict, Invalid
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.login import Login


def status_code(label: str) -> str:
    """`New member` gives `new_member`: what commands, rates and the API call a status."""
    return re.sub(r"[^\w.-]+", "_", label.casefold()).strip("_")


class MemberStatus(OrganizationRow, Base):
    """A status the organization defines, and whether members in it are billed."""

    __tablename__ = "member_statuses"

    code: Mapped[str]
    label: Mapped[str]
    billable: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int] = mapped_column(default=0)

    __table_args__ = (references_organization(), UniqueConstraint("organization_id", "code"))

    @classmethod
    def define(cls, label: str, *, billable: bool, by: Login | None, code: str = "") -> "MemberStatus":
        code = status_code(code or label)
        if not code:
            raise Invalid(fields={"label": "Give the status a name."})
        if cls.here().first(cls.code == code) is not None:
            raise Invalid(fields={"label": f"There is a status “{code}” already."})
        last = db.session.scalar(
            cls.here().select().with_only_columns(func.coalesce(func.max(cls.position), 0))
        )
        status = cls(code=code, label=label, billable=billable, position=(last or 0) + 1)
        db.session.add(status)
        db.session.flush()
        audit.record("status defined", status, by=by, after=status.facts)
        return status

    @property
    def facts(self) -> dict[str, Any]:
        return {"code": self.code, "label": self.label, "billable": self.billable}

    def change(self, *, label: str, billable: bool, by: Login | None) -> None:
        """The code stays: rates and files refer to it."""
        before = self.facts
        self.label, self.billable = label, billable
        if before != self.facts:
            audit.record("status changed", self, by=by, before=before, after=self.facts)

    def remove(self, *, by: Login | None) -> None:
        """Only one that nothing refers to: no member, no rate, no invoice."""
        audit.record("status removed", self, by=by, before=self.facts)
        try:
            with db.session.begin_nested():
                db.session.delete(self)
        except IntegrityError as error:
            raise Conflict(
                f"“{self.label}” is in use by members or rates, so it can't be removed.",
                next_step="Give those members another status first, or set this one to not billed.",
            ) from error


DEFAULT_STATUSES = (
    ("undergraduate", "Undergraduate", True),
    ("new_member", "New member", True),
    ("associate", "Associate", True),
    ("alumnus", "Alumnus", True),
    ("inactive", "Inactive", False),
)


def open_default_statuses() -> None:
    """What every organization starts with; it renames, removes and adds as it likes."""
    for position, (code, label, billable) in enumerate(DEFAULT_STATUSES, 1):
        db.session.add(MemberStatus(code=code, label=label, billable=billable, position=position))


class PledgeClass(OrganizationRow, Base):
    """Members who joined a chapter together."""

    __tablename__ = "pledge_classes"

    chapter_id: Mapped[UUID]
    name: Mapped[str]

    __table_args__ = (
        references("chapters", "chapter_id"),
        UniqueConstraint("organization_id", "chapter_id", "name"),
    )

    @classmethod
    def named(cls, chapter_id: UUID, name: str) -> "PledgeClass":
        """The chapter's class of this name, made if there is none."""
        found = cls.here().first(cls.chapter_id == chapter_id, func.lower(cls.name) == name.lower())
        if found is None:
            found = cls(chapter_id=chapter_id, name=name)
            db.session.add(found)
            db.session.flush()
        return found


class Member(OrganizationRow, Base):
    """`left_on` is the last day; a member who left keeps history and debts and gets no new invoices."""

    __tablename__ = "members"

    number: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    address: Mapped[str] = mapped_column(Text, default="")
    chapter_id: Mapped[UUID]
    status_id: Mapped[UUID]
    pledge_class_id: Mapped[UUID | None]
    joined_on: Mapped[date | None]
    left_on: Mapped[date | None]
    ownership_share: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    payroll_deduction: Mapped[bool] = mapped_column(default=False)
    more: Mapped[dict[str, Any]] = mapped_column(default=dict)
    changed_by_hand: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    login_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    reminders_paused_until: Mapped[date | None]
    language: Mapped[str | None]
    statements_by_mail: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    chapter: Mapped[Chapter] = belongs_to("Member.chapter_id", "Chapter")
    status: Mapped[MemberStatus] = belongs_to("Member.status_id", "MemberStatus")

    __table_args__ = (
        references("chapters", "chapter_id"),
        references("member_statuses", "status_id"),
        references("pledge_classes", "pledge_class_id"),
        UniqueConstraint("organization_id", "number"),
        CheckConstraint("ownership_share >= 0", "share_is_not_negative"),
        Index("ix_members_chapter", "organization_id", "chapter_id", "last_name"),
        Index("ix_members_email", "organization_id", "email"),
        Index("ix_members_login", "login_id"),
        Index(
            "ix_members_pledge_class",
            "organization_id",
            "pledge_class_id",
            postgresql_where="pledge_class_id IS NOT NULL",
        ),
    )

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @classmethod
    def name_column(cls) -> Any:
        """`name`, for many rows at once."""
        return func.btrim(cls.first_name + " " + cls.last_name)

    @property
    def sort_name(self) -> str:
        return f"{self.last_name}, {self.first_name}" if self.first_name else self.last_name

    def is_active(self, *, on: date) -> bool:
        """Joined by that day and not gone before it."""
        return (self.joined_on is None or self.joined_on <= on) and (
            self.left_on is None or self.left_on >= on
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What a person may correct, as it is now."""
        return {name: getattr(self, name) for name in CORRECTABLE}

    def correct(self, facts: Mapping[str, Any], *, by: Login | None) -> list[str]:
        """Change facts by hand. An import leaves these fields alone from now on, unless told otherwise."""
        before = self.facts
        changed = [name for name in CORRECTABLE if name in facts and facts[name] != before[name]]
        if not changed:
            return []
        with _one_number_each():
            for name in changed:
                setattr(self, name, facts[name])
            self.changed_by_hand = sorted({*self.changed_by_hand, *changed})
        audit.record(
            "member corrected",
            self,
            by=by,
            before={name: _plain(before[name]) for name in changed},
            after={name: _plain(getattr(self, name)) for name in changed},
        )
        return changed

    def set_mail(
        self, *, paused_until: date | None, language: str | None, statements: bool, by: Login | None
    ) -> None:
        """Through which day reminders pause, and which language they are in; None is the organization's.
        And whether statements come by mail when they go to many."""
        before = self._mail
        self.reminders_paused_until, self.language = paused_until, language
        self.statements_by_mail = statements
        if before != self._mail:
            audit.record("mail to the member set", self, by=by, before=before, after=self._mail)

    @property
    def _mail(self) -> dict[str, Any]:
        return {
            "reminders_paused_until": _plain(self.reminders_paused_until),
            "language": self.language,
            "statements_by_mail": self.statements_by_mail,
        }

    @classmethod
    def enroll(cls, facts: Mapping[str, Any], *, by: Login | None) -> "Member":
        """A new member, entered by hand."""
        member = cls(**{name: facts[name] for name in CORRECTABLE if name in facts})
        with _one_number_each():
            db.session.add(member)
        after = {name: _plain(value) for name, value in member.facts.items() if value}
        audit.record("member enrolled", member, by=by, after=after)
        return member


CORRECTABLE = (
    "number",
    "first_name",
    "last_name",
    "email",
    "phone",
    "address",
    "chapter_id",
    "status_id",
    "pledge_class_id",
    "joined_on",
    "left_on",
    "ownership_share",
    "payroll_deduction",
)


@contextmanager
def _one_number_each() -> Iterator[None]:
    try:
        with db.session.begin_nested():
            yield
    except IntegrityError as error:
        if "number" not in str(error.orig):
            raise
        raise Invalid(fields={"number": "Another member has this number."}) from error


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | bool | None) else str(value)
