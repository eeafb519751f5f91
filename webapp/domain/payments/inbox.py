"""What processors told us: each event stored once, answered fast, reacted to in a job."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, references


class DeliveryState(StrEnum):
    RECEIVED = "received"
    DONE = "done"
    IGNORED = "ignored"
    FAILED = "failed"


class ProcessorEvent(OrganizationRow, Base):
    """`found_by` says whether a webhook brought it or the nightly look did."""

    __tablename__ = "processor_events"

    processor_id: Mapped[UUID]
    event_reference: Mapped[str]
    kind: Mapped[str]
    object_reference: Mapped[str]
    payload: Mapped[dict[str, Any]]
    happened_at: Mapped[datetime]
    found_by: Mapped[str]
    deliveries: Mapped[int] = mapped_column(default=1)
    state: Mapped[DeliveryState] = mapped_column(default=DeliveryState.RECEIVED)
    note: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    handled_at: Mapped[datetime | None]

    __table_args__ = (
        references("payment_processors", "processor_id"),
        Index("uq_processor_events_once", "organization_id", "processor_id", "event_reference", unique=True),
        Index("ix_processor_events_received", "organization_id", "received_at"),
    )
