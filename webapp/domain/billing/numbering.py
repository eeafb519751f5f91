"""Invoice numbers: gapless per organization and year, handed out in the transaction that inserts the invoices."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, references_organization


class NumberCounter(OrganizationRow, Base):
    """The last number given in a year. Its row lock keeps two transactions from giving the same one."""

    __tablename__ = "number_counters"

    year: Mapped[int]
    last: Mapped[int] = mapped_column(default=0)

    __table_args__ = (references_organization(), UniqueConstraint("organization_id", "year"))


def number_text(year: int, sequence: int) -> str:
    """`2026-000123`."""
    return f"{year}-{sequence:06d}"
