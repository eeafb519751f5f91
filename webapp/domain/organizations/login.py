"""Who can sign in: a person, or a program with a token. May have roles in several organizations."""

import re
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, db, new_id
from webapp.core.errors import Invalid
from webapp.domain.organizations import passwords

_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\]+\.[^@\s<>,;:\"()\[\]\\.]+")


class LoginKind(StrEnum):
    PERSON = "person"
    PROGRAM = "program"


class Login(Base):
    __tablename__ = "logins"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[LoginKind] = mapped_column(default=LoginKind.PERSON)
    email: Mapped[str | None] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str | None]
    shortcuts: Mapped[bool] = mapped_column(default=True)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("email = lower(email)", "email_is_lower_case"),
        CheckConstraint("kind = 'program' OR email IS NOT NULL", "a_person_has_an_email"),
    )

    is_authenticated = True

    @classmethod
    def by_email(cls, email: str, *, lock: bool = False) -> "Login | None":
        statement = select(cls).where(cls.email == email.strip().lower())
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return db.session.scalars(statement).first()

    def choose_password(self, password: str) -> None:
        """Invalid, at the field `password`, when it is too easy to guess."""
        about = [self.name, *self.name.split(), *re.split(r"[@.]", self.email or "")]
        if weakness := passwords.weakness(password, about=[word for word in about if word]):
            raise Invalid("Choose another password.", fields={"password": weakness})
        self.password_hash = passwords.hashed(password)

    def has_password(self, password: str) -> bool:
        return passwords.matches(self.password_hash, password)


def recognize(email: str, password: str) -> Login | None:
    """The person with this address and password. An unknown address costs the same work as a known one."""
    login = Login.by_email(email)
    fits = passwords.matches(login.password_hash if login else None, password)
    if login is None or login.disabled_at is not None or not fits:
        return None
    if passwords.is_outdated(login.password_hash or ""):
        login.password_hash = passwords.hashed(password)
    return login


def clean_email(text: str) -> str:
    """The address in the form that logins are found by; Invalid, at the field `email`, when it is none."""
    email = text.strip().lower()
    if not _ADDRESS.fullmatch(email) or len(email) > 254:
        raise Invalid("Enter an address.", fields={"email": "Enter an address like name@example.org."})
    return email
