"""Whether the same was done to the same members today: nobody gets a mail twice by an oversight."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from webapp.core.db import db
from webapp.domain.bulk_actions.bulk_action import BulkAction, BulkResult, Outcome
from webapp.domain.organizations import Organization


class Earlier(NamedTuple):
    """To so many of the same members, on the same terms, `at` last."""

    members: int
    at: datetime


def earlier_today(action: BulkAction, organization: Organization) -> Earlier | None:
    before, theirs, its = aliased(BulkAction), aliased(BulkResult), BulkResult
    here = its.organization_id
    found = (
        select(func.count(theirs.member_id.distinct()), func.max(before.confirmed_at))
        .select_from(its)
        .join(theirs, and_(theirs.organization_id == here, theirs.member_id == its.member_id))
        .join(before, and_(before.organization_id == here, before.id == theirs.action_id))
        .where(
            here == action.organization_id,
            its.action_id == action.id,
            before.id != action.id,
            before.kind == action.kind,
            before.terms == action.terms,
            before.confirmed_at >= organization.midnight(organization.today),
            theirs.outcome.in_((Outcome.WAITING, Outcome.DONE)),
        )
    )
    members, at = db.session.execute(found).one()
    return Earlier(members, at) if at is not None else None
