"""Document numbers: gapless per organization and year, given in the transaction that inserts the document."""

from sqlalchemy import UniqueConstraint
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import tenancy
from webapp.core.db import Base, OrganizationRow, db, references_organization


class Counter(OrganizationRow):
    """The last number given in a year. Its row lock keeps two transactions from giving the same one."""

    year: Mapped[int]
    last: Mapped[int] = mapped_column(default=0)


class NumberCounter(Counter, Base):
    """Of invoices."""

    __tablename__ = "number_counters"
    __table_args__ = (references_organization(), UniqueConstraint("organization_id", "year"))


def take(year: int, count: int, counter: type[Counter] = NumberCounter) -> int:
    """The first of `count` numbers in a row that nobody else gets, unless this transaction is undone.

    The counter stays locked until then, so take numbers last and use every one of them.
    """
    assert count > 0
    taking = insert(counter).values(organization_id=tenancy.organization_id(), year=year, last=count)
    last = db.session.scalars(
        taking.on_conflict_do_update(
            index_elements=["organization_id", "year"],
            set_={"last": counter.last + taking.excluded.last},
        ).returning(counter.last)
    ).one()
    return last - count + 1


def number_text(year: int, sequence: int) -> str:
    """`2026-000123`."""
    return f"{year}-{sequence:06d}"
