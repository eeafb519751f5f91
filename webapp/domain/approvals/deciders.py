"""Who can be the second person to a request, to be told that it waits."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import and_, or_, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.approvals.delegation import ApprovalDelegation
from webapp.domain.approvals.powers import Powers
from webapp.domain.approvals.request import ApprovalRequest
from webapp.domain.organizations import Login, LoginKind, Member, Role, RoleName


def deciders_of(request: ApprovalRequest, *, on: date) -> Sequence[Login]:
    """People, by name; neither who asked nor whose money it is."""
    member = Member.here().get(request.member_id)
    return [
        login
        for login in _candidates(request)
        if login.id not in (request.requested_by_id, member.login_id)
        and Powers.of(login, on=on).cover(
            request.action,
            request.amount,
            chapter_id=request.chapter_id,
            asked_by_id=request.requested_by_id,
        )
    ]


def _candidates(request: ApprovalRequest) -> Sequence[Login]:
    delegates = select(ApprovalDelegation.to_id).where(
        ApprovalDelegation.organization_id == tenancy.organization_id(),
        ApprovalDelegation.revoked_at.is_(None),
    )
    treasurer = and_(Role.role == RoleName.TREASURER, Role.chapter_id == request.chapter_id)
    may = or_(Role.role == RoleName.NATIONAL_ADMIN, treasurer, Role.login_id.in_(delegates))
    people = Role.here().select(may).with_only_columns(Role.login_id)
    found = select(Login).where(
        Login.id.in_(people), Login.kind == LoginKind.PERSON, Login.disabled_at.is_(None)
    )
    return db.session.scalars(found.order_by(Login.name)).all()
