"""An organization's account at a payment processor. Secrets are stored encrypted and never shown again."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from sqlalchemy import CheckConstraint, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core import audit, tenancy
from webapp.core.crypto import KeyRing, Place
from webapp.core.db import Base, OrganizationRow, db, new_id, references_organization
from webapp.core.errors import Conflict, Invalid
from webapp.domain.organizations import Login


class ProcessorKind(StrEnum):
    STRIPE = "stripe"

    @property
    def label(self) -> str:
        return self.value.capitalize()


class NoProcessor(Conflict):
    code = "no-processor"
    message = "This organization does not take payments online yet."
    next_step = "Pay the way the invoice says, or ask the treasurer."


class PaymentProcessor(OrganizationRow, Base):
    """`secret_key` and `webhook_secret` are ciphertexts (core/crypto.py), bound to this very row.

    The webhook secret may follow later: the processor hands it out only once it knows the row's address.
    `silences` counts questions in a row without an answer; `rests_until` is when it is asked again.
    """

    __tablename__ = "payment_processors"

    kind: Mapped[ProcessorKind]
    name: Mapped[str]
    secret_key: Mapped[str]
    webhook_secret: Mapped[str | None]
    is_live: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    tested_at: Mapped[datetime | None]
    test_error: Mapped[str | None]
    events_seen_until: Mapped[datetime | None]
    silences: Mapped[int] = mapped_column(server_default="0", default=0)
    rests_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references_organization(),
        Index(
            "uq_payment_processors_active_kind",
            "organization_id",
            "kind",
            unique=True,
            postgresql_where="active",
        ),
        CheckConstraint("secret_key LIKE 'v1.%' AND webhook_secret LIKE 'v1.%'", "secrets_are_encrypted"),
    )

    @classmethod
    def current(cls) -> Self:
        """The one that new checkouts go to."""
        found = cls.here().first(cls.active.is_(True))
        if found is None:
            raise NoProcessor
        return found

    @classmethod
    def connect(
        cls,
        *,
        kind: ProcessorKind,
        name: str,
        secret_key: str,
        webhook_secret: str | None,
        keys: KeyRing,
        by: Login | None,
    ) -> Self:
        cls._refuse_second(kind)
        _check_secret_key(secret_key)
        row = cls(id=new_id(), organization_id=tenancy.organization_id(), kind=kind, name=name)
        row._seal(secret_key, webhook_secret, keys)
        db.session.add(row)
        db.session.flush()
        audit.record("connect_processor", row, by=by, after={"kind": kind, "name": name})
        return row

    @classmethod
    def _refuse_second(cls, kind: ProcessorKind) -> None:
        if cls.here().first(cls.kind == kind, cls.active.is_(True)):
            raise Conflict(f"{kind.label} is connected already.", next_step="Change its keys instead.")

    def rename(self, name: str, *, by: Login | None) -> None:
        name = name.strip()
        if not name:
            raise Invalid(fields={"name": "Give it a name."})
        if name != self.name:
            audit.record("rename_processor", self, by=by, before={"name": self.name}, after={"name": name})
            self.name = name

    def change_keys(
        self, *, secret_key: str | None, webhook_secret: str | None, keys: KeyRing, by: Login | None
    ) -> None:
        """Replace what is given, keep the rest. A key of the other mode is refused: it could not look up
        what was paid until now."""
        if secret_key:
            _check_secret_key(secret_key)
            self._refuse_other_mode(secret_key)
        self._seal(secret_key, webhook_secret, keys)
        self.tested_at = self.test_error = None
        changed = [name for name, value in _named(secret_key, webhook_secret) if value]
        audit.record("change_processor_keys", self, by=by, after={"changed": changed})

    def _refuse_other_mode(self, secret_key: str) -> None:
        if _is_live(secret_key) is self.is_live:
            return
        other, mode = ("a test key", "live") if self.is_live else ("a live key", "in test mode")
        sentence = f"This is {other}, and the connection is {mode}. Disconnect it and connect anew."
        raise Invalid(sentence, fields={"secret_key": sentence})

    def disconnect(self, *, by: Login | None) -> None:
        """No new checkouts; what is under way still settles, so the row and its keys stay."""
        if not self.active:
            raise Conflict("This processor is disconnected already.")
        self.active = False
        audit.record("disconnect_processor", self, by=by, before={"active": True}, after={"active": False})

    def reconnect(self, *, by: Login | None) -> None:
        """New checkouts go to it again, with the keys it has."""
        if self.active:
            raise Conflict("This processor is connected already.")
        self._refuse_second(self.kind)
        self.active = True
        audit.record("reconnect_processor", self, by=by, before={"active": False}, after={"active": True})

    def tested(self, *, at: datetime, error: str | None) -> None:
        self.tested_at, self.test_error = at, error

    def reveal_secret_key(self, keys: KeyRing) -> str:
        return keys.decrypt(self.secret_key, self._place("secret_key"))

    def reveal_webhook_secret(self, keys: KeyRing) -> str | None:
        if self.webhook_secret is None:
            return None
        return keys.decrypt(self.webhook_secret, self._place("webhook_secret"))

    def renew_encryption(self, keys: KeyRing) -> bool:
        """Encrypt with the newest key; whether anything had to be."""
        stored = [secret for secret in (self.secret_key, self.webhook_secret) if secret]
        if all(keys.is_current(secret) for secret in stored):
            return False
        self._seal(self.reveal_secret_key(keys), self.reveal_webhook_secret(keys), keys)
        return True

    def _seal(self, secret_key: str | None, webhook_secret: str | None, keys: KeyRing) -> None:
        if secret_key:
            _check_secret_key(secret_key)
            self.secret_key = keys.encrypt(secret_key, self._place("secret_key"))
            self.is_live = _is_live(secret_key)
        if webhook_secret:
            _check_webhook_secret(webhook_secret)
            self.webhook_secret = keys.encrypt(webhook_secret, self._place("webhook_secret"))

    def _place(self, column: str) -> Place:
        return Place(self.organization_id, self.__tablename__, column, self.id)


def _is_live(secret_key: str) -> bool:
    return "_live_" in secret_key


def _named(secret_key: str | None, webhook_secret: str | None) -> list[tuple[str, str | None]]:
    return [("secret_key", secret_key), ("webhook_secret", webhook_secret)]


def _check_secret_key(text: str) -> None:
    if not text.startswith(("sk_", "rk_")) or not text.isascii() or any(letter.isspace() for letter in text):
        sentence = "A secret key starts with sk_ or rk_ and has no spaces."
        raise Invalid(sentence, fields={"secret_key": sentence})


def _check_webhook_secret(text: str) -> None:
    if not text.startswith("whsec_") or not text.isascii() or any(letter.isspace() for letter in text):
        sentence = "A webhook secret starts with whsec_ and has no spaces."
        raise Invalid(sentence, fields={"webhook_secret": sentence})
