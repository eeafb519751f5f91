"""An organization's account at a payment processor. Secrets are stored encrypted and never shown again."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, references_organization


class ProcessorKind(StrEnum):
    STRIPE = "stripe"


class PaymentProcessor(OrganizationRow, Base):
    """`secret_key` and `webhook_secret` are ciphertexts (core/crypto.py), bound to this very row."""

    __tablename__ = "payment_processors"

    kind: Mapped[ProcessorKind]
    name: Mapped[str]
    secret_key: Mapped[str]
    webhook_secret: Mapped[str]
    is_live: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    tested_at: Mapped[datetime | None]
    test_error: Mapped[str | None]
    events_seen_until: Mapped[datetime | None]
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
