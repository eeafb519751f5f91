"""To whom a processor's letters go: asked of the database once, and remembered while letters keep coming.

What is remembered only serves to read a letter. Whoever stores what it says holds the secret that opened it
against the row (`inbox.take_in`), so one that was changed a moment ago opens nothing any more.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, true

from webapp import wiring
from webapp.core import at_once, tenancy
from webapp.core.errors import NotFound
from webapp.core.statements import shared
from webapp.domain.payments import inbox
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind

REMEMBERED_FOR = 60.0
"""Seconds."""
_MOST = 1_000
_Key = tuple[UUID, UUID]


@dataclass(frozen=True)
class Addressee:
    """As much of the processor as a letter needs, the secret that opens it, and when they were asked for."""

    processor: PaymentProcessor
    secret: str
    asked_at: datetime
    _since: float = field(default_factory=time.monotonic)

    @property
    def age(self) -> float:
        return time.monotonic() - self._since

    @property
    def now(self) -> datetime:
        """By the one clock that all machines share; this one's own tells only what has passed since."""
        return self.asked_at + timedelta(seconds=self.age)


_remembered: dict[_Key, Addressee] = {}


def remembered(organization_id: UUID, processor_id: UUID) -> Addressee | None:
    known = _remembered.get((organization_id, processor_id))
    return known if known is not None and known.age < REMEMBERED_FOR else None


def ask(organization_id: UUID, processor_id: UUID) -> Addressee:
    """As the database says; NotFound when there is no such processor."""
    found = at_once.ask(organization_id, _ADDRESSEE, processor=processor_id)
    if found is None:
        raise NotFound
    sealed, now = found
    processor = PaymentProcessor(
        organization_id=organization_id, id=processor_id, kind=ProcessorKind.STRIPE, webhook_secret=sealed
    )
    known = Addressee(processor, wiring.webhook_secret(processor), now)
    if len(_remembered) >= _MOST:
        _remembered.clear()
    _remembered[organization_id, processor_id] = known
    return known


_row = inbox.addressed(PaymentProcessor.webhook_secret, where=PaymentProcessor.kind == ProcessorKind.STRIPE)
_ADDRESSEE = shared(select(_row.c.webhook_secret, func.now()).select_from(tenancy.TOLD).join(_row, true()))
