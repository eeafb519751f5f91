"""Who reads a mail about somebody's money, and which invoice it is about."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import joinedload

from webapp.core.db import db
from webapp.domain.organizations import Login, Member, Role, RoleName
from webapp.domain.payments import meant
from webapp.domain.payments.payment import Allocation

Recipient = tuple[str, str | None, UUID | None]
"""Who reads it, at which address, and the member's id if that is the member."""


def payer_and_officers(member: Member, chapter_id: UUID) -> Iterator[Recipient]:
    yield "member", member.email, member.id
    yield from officers(chapter_id)


def officers(chapter_id: UUID) -> Iterator[Recipient]:
    for login in _officers(chapter_id):
        yield str(login.id), login.email, None


def invoice_meant(payment_id: UUID) -> UUID | None:
    """The invoice a payment was started for, or the first that it settled."""
    started_for = db.session.scalars(meant.invoices_of(payment_id).limit(1)).first()
    if started_for is not None:
        return started_for
    settled = Allocation.here().all(Allocation.payment_id == payment_id, order_by=Allocation.id)
    return settled[0].invoice_id if settled else None


def treasurers_and_admins(chapter_id: UUID) -> list[Login]:
    """Both, each once."""
    return list({one.id: one for one in [*_treasurers(chapter_id), *_national_admins()]}.values())


def _officers(chapter_id: UUID) -> Sequence[Login]:
    """The chapter's treasurers, or the national admins where there is none."""
    return _treasurers(chapter_id) or _national_admins()


def _treasurers(chapter_id: UUID) -> list[Login]:
    return _with_role(Role.role == RoleName.TREASURER, Role.chapter_id == chapter_id)


def _national_admins() -> list[Login]:
    return _with_role(Role.role == RoleName.NATIONAL_ADMIN)


def _with_role(*conditions: ColumnElement[bool]) -> list[Login]:
    statement = Role.here().select(*conditions).options(joinedload(Role.login)).order_by(Role.id)
    return [role.login for role in db.session.scalars(statement) if role.login.disabled_at is None]
