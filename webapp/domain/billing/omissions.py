"""Whom a billing run leaves out, and why: as it was kept with the run, or as it would be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from webapp.core.db import db
from webapp.domain.billing.assessing import Occasion, Omission, assessed
from webapp.domain.billing.run import BillingOmission, BillingRun
from webapp.domain.organizations import Member


@dataclass(frozen=True)
class LeftOut:
    """`id` is the member's."""

    id: UUID
    number: str
    name: str
    reason: Omission


def of_run(run: BillingRun) -> Select[Any]:
    return (
        select(Member.id, Member.number, _name(Member), BillingOmission.reason)
        .join(
            Member,
            (Member.organization_id == BillingOmission.organization_id)
            & (Member.id == BillingOmission.member_id),
        )
        .where(BillingOmission.organization_id == run.organization_id, BillingOmission.run_id == run.id)
    )


def foreseen(occasion: Occasion) -> Select[Any]:
    found = assessed(occasion)
    return select(
        found.c.member_id.label("id"),
        found.c.member_number.label("number"),
        _name(found.c),
        found.c.omitted.label("reason"),
    ).where(found.c.omitted.is_not(None))


def in_order(
    wanted: Select[Any], *, after: UUID | None = None, limit: int | None = None
) -> Iterator[LeftOut]:
    """Those who came first, first."""
    found = wanted.subquery()
    rows = select(found).order_by(found.c.id).limit(limit)
    if after:
        rows = rows.where(found.c.id > after)
    return map(_told, db.session.execute(rows))


def latest_first(wanted: Select[Any], *, before: UUID | None = None, limit: int) -> list[LeftOut]:
    found = wanted.subquery()
    rows = select(found).order_by(found.c.id.desc()).limit(limit)
    if before:
        rows = rows.where(found.c.id < before)
    return list(map(_told, db.session.execute(rows)))


def _name(of: Any) -> Any:
    return func.btrim(of.first_name + " " + of.last_name).label("name")


def _told(row: Any) -> LeftOut:
    return LeftOut(row.id, row.number, row.name, Omission(row.reason))
