"""Ten codes on paper for the day the telephone is gone. Shown once, kept as hashes, each good once."""

import re
import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    ScalarSelect,
    UniqueConstraint,
    delete,
    func,
    literal,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from webapp.core import clock
from webapp.core.db import Base, db, new_id
from webapp.domain.organizations import passwords
from webapp.domain.organizations.login import Login

HOW_MANY = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_HALF = 5


class RecoveryCode(Base):
    """`number` is the code's first digit: it finds the row, the rest is the secret."""

    __tablename__ = "recovery_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"))
    number: Mapped[int]
    code_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    used_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("login_id", "number"),)


def make(login: Login) -> list[str]:
    """Ten new ones, such as `3-k7pmd-x2wqa`. Those from before are worth nothing any more."""
    forget(login)
    made = {number: _random() for number in range(HOW_MANY)}
    db.session.add_all(
        RecoveryCode(login_id=login.id, number=number, code_hash=passwords.hashed_code(code))
        for number, code in made.items()
    )
    return [f"{number}-{code[:_HALF]}-{code[_HALF:]}" for number, code in made.items()]


def use(login: Login, text: str) -> bool:
    """Whether it is one of theirs that was not used yet; from now on it was."""
    typed = re.sub(r"[^a-z0-9]", "", text.lower())
    number = int(typed[0]) if typed[:1].isdecimal() else None
    found = db.session.scalars(
        select(RecoveryCode)
        .where(
            RecoveryCode.login_id == login.id, RecoveryCode.number == number, RecoveryCode.used_at.is_(None)
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if not passwords.matches(found.code_hash if found else None, typed[1:]) or found is None:
        return False
    found.used_at = clock.now()
    return True


def left(login: Login) -> int:
    """How many are still good."""
    return db.session.scalar(select(left_of(literal(login.id)))) or 0


def left_of(login_id: ColumnElement[UUID] | InstrumentedAttribute[UUID]) -> ScalarSelect[int]:
    """The same as a part of another question."""
    mine = RecoveryCode.login_id == login_id, RecoveryCode.used_at.is_(None)
    return select(func.count(RecoveryCode.id)).where(*mine).scalar_subquery()


def forget(login: Login) -> None:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.login_id == login.id))


def _random() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(2 * _HALF))
