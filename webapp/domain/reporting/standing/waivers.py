"""Good standing that is granted until a day, whatever the member owes."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Subquery, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit, tenancy
from webapp.core.db import Base, OrganizationRow, db, references
from webapp.core.errors import Conflict, Invalid
from webapp.domain.organizations import Login, Member

LONGEST = timedelta(days=2 * 366)


class StandingWaiver(OrganizationRow, Base):
    """From `granted_on` until `until`, both included, or until the day before it was ended."""

    __tablename__ = "standing_waivers"

    member_id: Mapped[UUID]
    granted_on: Mapped[date]
    until: Mapped[date]
    reason: Mapped[str]
    granted_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    ended_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references("members", "member_id"),
        CheckConstraint("until >= granted_on", "until_is_not_before"),
        CheckConstraint("reason <> ''", "has_a_reason"),
        Index("ix_standing_waivers_member", "organization_id", "member_id"),
    )


def grant(member: Member, *, until: date, reason: str, by: Login, on: date) -> StandingWaiver:
    """Audited at the member, where everybody who may look sees it."""
    problems = {}
    if not on <= until <= on + LONGEST:
        problems["until"] = "Enter a day from today on, at most two years ahead."
    if not reason.strip():
        problems["reason"] = "Say why. It stands in the history for everybody."
    if problems:
        raise Invalid(fields=problems)
    waiver = StandingWaiver(
        member_id=member.id, granted_on=on, until=until, reason=reason.strip(), granted_by_id=by.id
    )
    db.session.add(waiver)
    audit.record(
        "good standing granted", member, by=by, after={"until": until.isoformat()}, reason=waiver.reason
    )
    return waiver


def end(member: Member, *, by: Login, on: date) -> None:
    """Whatever was granted counts no more, from that day on."""
    running = StandingWaiver.here().all(
        StandingWaiver.member_id == member.id, StandingWaiver.until >= on, StandingWaiver.ended_on.is_(None)
    )
    if not running:
        raise Conflict("No good standing is granted to this member now.")
    for waiver in running:
        waiver.ended_on = on
    last = max(waiver.until for waiver in running)
    audit.record("granted good standing ended", member, by=by, before={"until": last.isoformat()})


def in_force(on: date) -> Subquery:
    """For each member who has one on that day the one that goes furthest: member_id, until, reason."""
    return (
        select(StandingWaiver.member_id, StandingWaiver.until, StandingWaiver.reason)
        .ext(distinct_on(StandingWaiver.member_id))
        .where(
            StandingWaiver.organization_id == tenancy.organization_id(),
            StandingWaiver.granted_on <= on,
            StandingWaiver.until >= on,
            or_(StandingWaiver.ended_on.is_(None), StandingWaiver.ended_on > on),
        )
        .order_by(StandingWaiver.member_id, StandingWaiver.until.desc(), StandingWaiver.id.desc())
        .subquery("waiver")
    )
