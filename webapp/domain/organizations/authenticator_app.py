"""An authenticator app: a secret that a telephone shares with us, and a code of six digits from it every
thirty seconds. One for each login. Each code is good once, and half a minute early or late.
"""

from datetime import datetime
from typing import Self
from uuid import UUID

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import CheckConstraint, ForeignKey, func, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.crypto import KeyRing, Place
from webapp.core.db import Base, database_time, db, new_id
from webapp.domain.organizations.login import Login

_ISSUER = "Duesbook"
_STEPS_AROUND = 1


class AuthenticatorApp(Base):
    """Counts from its first right code on (`confirmed_at`). `last_step` is the half minute of the last."""

    __tablename__ = "authenticator_apps"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"), unique=True)
    secret: Mapped[str]
    last_step: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    confirmed_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("secret LIKE 'v1.%'", "secret_is_encrypted"),)

    @classmethod
    def of(cls, login: Login, *, lock: bool = False) -> Self | None:
        statement = select(cls).where(cls.login_id == login.id)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return db.session.scalars(statement).first()

    @classmethod
    def prepare(cls, login: Login, keys: KeyRing) -> Self:
        """A new secret to be scanned. One that was never confirmed is replaced, a confirmed one stays."""
        found = cls.of(login, lock=True)
        if found is not None and found.confirmed_at is not None:
            return found
        app = found or cls(id=new_id(), login_id=login.id)
        app.secret = keys.encrypt(pyotp.random_base32(), app._place())
        db.session.add(app)
        return app

    def reveal(self, keys: KeyRing) -> str:
        """The secret in base32, for whoever can't scan the picture."""
        return keys.decrypt(self.secret, self._place())

    def address(self, login: Login, keys: KeyRing) -> str:
        """What the picture says: `otpauth://totp/…`."""
        return pyotp.TOTP(self.reveal(keys)).provisioning_uri(name=login.email, issuer_name=_ISSUER)

    def accepts(self, code: str, keys: KeyRing) -> bool:
        """Whether this is a code of now that was not used before; from now on it was. Lock the row first.

        `now` is the database's: a host whose clock is off shuts nobody out.
        """
        digits = "".join(code.split())
        try:
            step = pyotp.TOTP(self.reveal(keys)).verify_and_get_timecode(
                digits, for_time=database_time(), valid_window=_STEPS_AROUND
            )
        except OTPVerificationError:
            return False
        if self.last_step is not None and step <= self.last_step:
            return False
        self.last_step = step
        return True

    def renew_encryption(self, keys: KeyRing) -> bool:
        """Encrypt with the newest key; whether it had to be."""
        if keys.is_current(self.secret):
            return False
        self.secret = keys.encrypt(self.reveal(keys), self._place())
        return True

    def _place(self) -> Place:
        return Place(None, self.__tablename__, "secret", self.id)
