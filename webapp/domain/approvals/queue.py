"""The queue as lists: what somebody may see of it, what waits for that person, oldest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true
from sqlalchemy.orm import contains_eager, joinedload

from webapp.core import tenancy
from webapp.core.db import db
from webapp.core.errors import NotFound
from webapp.domain.approvals.action import Action
from webapp.domain.approvals.policy import Limit
from webapp.domain.approvals.powers import Powers
from webapp.domain.approvals.request import ApprovalRequest
from webapp.domain.approvals.state import OPEN, ApprovalState
from webapp.domain.organizations import Member
from webapp.domain.organizations.access import Access


class Tab(StrEnum):
    PENDING = "pending"
    HELD = "held"
    ASKED_BACK = "asked_back"
    DECIDED = "decided"
    MINE = "mine"


_DECIDED = [state for state in ApprovalState if state not in OPEN]


@dataclass(frozen=True)
class Reader:
    """Whose eyes look at the queue: the person, also behind a program."""

    person_id: UUID
    access: Access
    powers: Powers

    def may_decide(self, request: ApprovalRequest) -> bool:
        """Whether to show the buttons; the request itself looks again when one is pressed."""
        return (
            request.is_open
            and self.person_id not in (request.requested_by_id, request.member.login_id)
            and self.powers.cover(
                request.action,
                request.amount,
                chapter_id=request.chapter_id,
                asked_by_id=request.requested_by_id,
            )
        )

    @property
    def sees(self) -> ColumnElement[bool]:
        """The national office and its delegates see everything, treasurers their chapters', all their own."""
        if self.access.can_read_organization() or self.powers.in_place_of:
            return true()
        return or_(self.asked_for, ApprovalRequest.chapter_id.in_(self.access.chapter_ids))

    @property
    def asked_for(self) -> ColumnElement[bool]:
        return ApprovalRequest.requested_by_id == self.person_id

    @property
    def decides(self) -> ColumnElement[bool]:
        """Open requests that this person can be the second to."""
        somebody_elses = ApprovalRequest.requested_by_id.is_distinct_from(self.person_id)
        return and_(ApprovalRequest.state.in_(OPEN), somebody_elses, covered_by(self.powers))


def covered_by(powers: Powers) -> ColumnElement[bool]:
    """What `powers.cover` says of one request, of all of them."""
    if powers.is_national_admin:
        return true()
    named = or_(false(), *(_within(action, limit) for action, limit in powers.up_to.items()))
    asked_by = ApprovalRequest.requested_by_id
    others = or_(false(), *(asked_by.is_distinct_from(one) for one in powers.in_place_of))
    return or_(others, and_(ApprovalRequest.chapter_id.in_(powers.chapter_ids), named))


def _within(action: Action, limit: Limit) -> ColumnElement[bool]:
    same = ApprovalRequest.action == action
    return same if limit is None else and_(same, ApprovalRequest.amount <= limit)


@dataclass(frozen=True)
class Wanted:
    tab: Tab = Tab.PENDING
    action: Action | None = None
    text: str = ""


def requests(reader: Reader, wanted: Wanted) -> Select[ApprovalRequest]:
    """The open ones oldest first, the others newest first; with all that a row shows."""
    found = loaded(reader.sees)
    match wanted.tab:
        case Tab.DECIDED:
            found = found.where(ApprovalRequest.state.in_(_DECIDED))
        case Tab.MINE:
            found = found.where(reader.asked_for)
        case Tab.PENDING | Tab.HELD | Tab.ASKED_BACK:
            found = found.where(ApprovalRequest.state == ApprovalState(wanted.tab))
    if wanted.action:
        found = found.where(ApprovalRequest.action == wanted.action)
    if wanted.text:
        name = func.concat_ws(" ", Member.first_name, Member.last_name, Member.number)
        found = found.where(name.icontains(wanted.text, autoescape=True))
    key = ApprovalRequest.id
    return found.order_by(key.asc() if newest_last(wanted.tab) else key.desc())


def newest_last(tab: Tab) -> bool:
    return tab not in (Tab.DECIDED, Tab.MINE)


def page(reader: Reader, wanted: Wanted, *, after: UUID | None, size: int) -> Sequence[ApprovalRequest]:
    found = requests(reader, wanted).limit(size)
    if after is not None:
        key = ApprovalRequest.id
        found = found.where(key > after if newest_last(wanted.tab) else key < after)
    return db.session.scalars(found).all()


def counts(reader: Reader) -> dict[Tab, int]:
    """How many stand in each tab."""
    mine = func.count().filter(reader.asked_for)
    by_state = (
        select(ApprovalRequest.state, func.count(), mine)
        .where(ApprovalRequest.organization_id == tenancy.organization_id(), reader.sees)
        .group_by(ApprovalRequest.state)
    )
    found = dict.fromkeys(Tab, 0)
    for state, every, own in db.session.execute(by_state):
        found[Tab(state) if state in OPEN else Tab.DECIDED] += every
        found[Tab.MINE] += own
    return found


def seen(reader: Reader, request_id: UUID) -> ApprovalRequest:
    """One of them with all that its page shows; NotFound when this person does not see it."""
    return one(ApprovalRequest.id == request_id, reader.sees)


def chosen(reader: Reader, ids: Sequence[UUID]) -> Sequence[ApprovalRequest]:
    """Those of them that this person sees, whatever became of them."""
    found = loaded(ApprovalRequest.id.in_(ids), reader.sees)
    return db.session.scalars(found.order_by(ApprovalRequest.id)).all()


def one(*conditions: ColumnElement[bool]) -> ApprovalRequest:
    request = db.session.scalars(loaded(*conditions)).first()
    if request is None:
        raise NotFound
    return request


def loaded(*conditions: ColumnElement[bool]) -> Select[ApprovalRequest]:
    """With everybody and everything that a request names."""
    return (
        ApprovalRequest.here()
        .select(*conditions)
        .join(ApprovalRequest.member)
        .options(
            contains_eager(ApprovalRequest.member),
            joinedload(ApprovalRequest.chapter),
            joinedload(ApprovalRequest.requested_by),
            joinedload(ApprovalRequest.requested_by_token),
            joinedload(ApprovalRequest.decided_by),
        )
    )
