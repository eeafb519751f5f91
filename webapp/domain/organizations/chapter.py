"""A unit of the organization, with its own treasurer and its own ledger."""

from sqlalchemy import CheckConstraint, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, references_organization


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
