"""What a status pays, in a chapter or everywhere, and from when to when."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, and_, func, or_, select, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit
from webapp.core.db import Base, OrganizationRow, belongs_to, db, references
from webapp.core.errors import Invalid
from webapp.domain.organizations import Chapter, Login, MemberStatus

_NOWHERE = "'00000000-0000-0000-0000-000000000000'::uuid"


class DuesRate(OrganizationRow, Base):
    """Without dates it always applies. Two rates of one status and chapter can't overlap."""

    __tablename__ = "dues_rates"

    status_id: Mapped[UUID]
    chapter_id: Mapped[UUID | None]
    amount: Mapped[int]
    effective_from: Mapped[date | None]
    effective_to: Mapped[date | None]
    set_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())

    status: Mapped[MemberStatus] = belongs_to("DuesRate.status_id", "MemberStatus")
    chapter: Mapped[Chapter | None] = belongs_to("DuesRate.chapter_id", "Chapter")

    __table_args__ = (
        references("member_statuses", "status_id"),
        references("chapters", "chapter_id"),
        CheckConstraint("amount >= 0", "amount_is_not_negative"),
        CheckConstraint("effective_from <= effective_to", "starts_before_it_ends"),
        ExcludeConstraint(
            ("organization_id", "="),
            ("status_id", "="),
            (text(f"coalesce(chapter_id, {_NOWHERE})"), "="),
            (text("daterange(effective_from, effective_to, '[]')"), "&&"),
            name="ex_dues_rates_one_at_a_time",
            using="gist",
        ),
    )

    @classmethod
    def in_force(cls, on: date) -> ColumnElement[bool]:
        return and_(
            or_(cls.effective_from.is_(None), cls.effective_from <= on),
            or_(cls.effective_to.is_(None), cls.effective_to >= on),
        )

    @property
    def span(self) -> str:
        """`from 2026-07-01`, `until 2026-06-30`, `2026-01-01 to 2026-06-30` or `always`."""
        if self.effective_from and self.effective_to:
            return f"{self.effective_from} to {self.effective_to}"
        if self.effective_from:
            return f"from {self.effective_from}"
        return f"until {self.effective_to}" if self.effective_to else "always"


def current_rate(status_id: UUID, chapter_id: UUID | None, on: date) -> DuesRate | None:
    """The most specific rate in force that day; None where the organization's default amount applies."""
    found = DuesRate.here().select(
        DuesRate.status_id == status_id,
        or_(DuesRate.chapter_id.is_(None), DuesRate.chapter_id == chapter_id),
        DuesRate.in_force(on),
    )
    return db.session.scalars(found.order_by(DuesRate.chapter_id.nulls_last()).limit(1)).first()


def set_rate(
    status: MemberStatus,
    amount: int,
    *,
    chapter: Chapter | None = None,
    starts_on: date | None = None,
    ends_on: date | None = None,
    by: Login | None,
) -> DuesRate:
    """What this status pays from now on, in minor units. The rate before it ends the day before.

    The same span again corrects its amount. Invalid when the span would overlap one that begins later.
    """
    _refuse_impossible(amount, starts_on, ends_on)
    existing = _rates_of(status, chapter)
    for rate in existing:
        if (rate.effective_from, rate.effective_to) == (starts_on, ends_on):
            return _correct(rate, amount, by)
    for rate in existing:
        _make_room(rate, starts_on, ends_on, by)
    db.session.flush()
    rate = DuesRate(
        status_id=status.id,
        chapter_id=chapter.id if chapter else None,
        amount=amount,
        effective_from=starts_on,
        effective_to=ends_on,
        set_by_id=by.id if by else None,
    )
    db.session.add(rate)
    db.session.flush()
    where = chapter.name if chapter else "everywhere"
    after = {"status": status.label, "where": where, "amount": amount, "span": rate.span}
    audit.record("set", rate, by=by, after=after)
    return rate


def _refuse_impossible(amount: int, starts_on: date | None, ends_on: date | None) -> None:
    if amount < 0:
        raise Invalid(fields={"amount": "An amount can't be negative."})
    if starts_on and ends_on and ends_on < starts_on:
        raise Invalid(fields={"ends_on": "The last day can't be before the first."})


def _rates_of(status: MemberStatus, chapter: Chapter | None) -> list[DuesRate]:
    """Locked, through their status, so that two people who set rates at once take turns."""
    db.session.execute(
        select(MemberStatus.id)
        .where(MemberStatus.organization_id == status.organization_id, MemberStatus.id == status.id)
        .with_for_update(key_share=True)
    )
    own = DuesRate.chapter_id == chapter.id if chapter else DuesRate.chapter_id.is_(None)
    return list(DuesRate.here().all(DuesRate.status_id == status.id, own))


def _correct(rate: DuesRate, amount: int, by: Login | None) -> DuesRate:
    if rate.amount != amount:
        audit.record("corrected", rate, by=by, before={"amount": rate.amount}, after={"amount": amount})
        rate.amount, rate.set_by_id, rate.set_at = amount, by.id if by else None, func.now()
    return rate


def _make_room(rate: DuesRate, starts_on: date | None, ends_on: date | None, by: Login | None) -> None:
    first, last = rate.effective_from or date.min, rate.effective_to or date.max
    if last < (starts_on or date.min) or first > (ends_on or date.max):
        return
    if starts_on is None or first >= starts_on or last > (ends_on or date.max):
        raise Invalid(
            fields={
                "starts_on": f"This overlaps the rate that applies {rate.span}."
                " Choose days on which no other rate of this status begins."
            }
        )
    audit.record("ended", rate, by=by, before={"span": rate.span})
    rate.effective_to = starts_on - timedelta(days=1)
