"""The keys by which requests act once, each with the answer that was given (web/request_keys.py)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, references_organization


class RequestKey(OrganizationRow, Base):
    """`scope` is who asked and where (login, method, path); `fingerprint` the hash of what was asked."""

    __tablename__ = "request_keys"

    key: Mapped[str]
    scope: Mapped[str]
    fingerprint: Mapped[str]
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    body: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references_organization(),
        Index("uq_request_keys_once", "organization_id", "scope", "key", unique=True),
    )
