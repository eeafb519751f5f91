"""What processors told us: each event stored once, answered fast, reacted to in a job."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Index,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from webapp.core import tenancy
from webapp.core.db import Base, OrganizationRow, belongs_to, new_id, references
from webapp.core.direct import Answer
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, nudge, promise_in
from webapp.core.statements import shared
from webapp.domain.payments.gateway import Notice
from webapp.domain.payments.processor import PaymentProcessor

KINDS = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "charge.updated",
        "charge.failed",
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "charge.refunded",
        "charge.refund.updated",
        "refund.created",
        "refund.updated",
        "refund.failed",
        "setup_intent.succeeded",
        "payment_method.detached",
        "payment_method.updated",
        "payment_method.automatically_updated",
    }
)
"""What we react to: by reading the object again, so that neither order nor repetition matters."""


BY_WEBHOOK = "webhook"
BY_LOOKING = "look"


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

    processor: Mapped[PaymentProcessor] = belongs_to("ProcessorEvent.processor_id", "PaymentProcessor")

    __table_args__ = (
        references("payment_processors", "processor_id"),
        Index("uq_processor_events_once", "organization_id", "processor_id", "event_reference", unique=True),
        Index("ix_processor_events_received", "organization_id", "received_at"),
    )

    @property
    def home(self) -> dict[str, str]:
        """What we write on whatever we make at that processor, so that it is known again."""
        return {"organization_id": str(self.organization_id), "processor_id": str(self.processor_id)}

    def handled(self, state: DeliveryState, note: str | None = None) -> None:
        self.state, self.note, self.handled_at = state, note, func.now()


class SecretChanged(Conflict):
    """The processor has another webhook secret than the one that opened the letter, or is not there."""

    code = "webhook-secret-changed"
    message = "The secret of this address was changed a moment ago."
    next_step = "Send the event again."


class Taken(NamedTuple):
    """Whether the event was new, for a repeated one is only counted, and the job that will react to it."""

    new: bool
    reaction: UUID | None

    def nudge(self) -> None:
        """Once it is committed."""
        if self.reaction is not None:
            nudge(Job.REACT_TO_EVENT, self.reaction)


Asking = Callable[..., Answer]
"""`tenancy.ask_inside` in some transaction, or `at_once.ask`."""


def take_in(
    ask: Asking,
    processor: PaymentProcessor,
    notice: Notice,
    *,
    found_by: str,
    opened_with: str | None = None,
) -> Taken:
    """Store it, once, and act for the processor's organization from here on.

    `opened_with` is the ciphertext of the secret that opened a letter: SecretChanged unless it is still the
    processor's.
    """
    wanted = notice.kind in KINDS
    stored = ask(
        processor.organization_id,
        _TAKING_IN,
        event=new_id(),
        processor=processor.id,
        opened_with=opened_with,
        reference=notice.reference,
        kind=notice.kind,
        object=notice.object_reference,
        payload=dict(notice.payload),
        happened_at=notice.happened_at,
        found_by=found_by,
        state=DeliveryState.RECEIVED if wanted else DeliveryState.IGNORED,
        note=None if wanted else "Nothing depends on this kind of event.",
        seen_again=1 if found_by == BY_WEBHOOK else 0,
    )
    if stored is None:
        raise SecretChanged
    return Taken(*stored)


def _taking_in() -> Any:
    """One statement: the event, or one more delivery of it, and the promise to react to what is new."""
    columns = ProcessorEvent.__table__.c
    sent = {
        "event_reference": "reference", "kind": "kind", "object_reference": "object", "payload": "payload",
        "happened_at": "happened_at", "found_by": "found_by", "state": "state", "note": "note",
    }  # fmt: skip
    opened_with = bindparam("opened_with", type_=Text())
    home = addressed(
        PaymentProcessor.organization_id,
        PaymentProcessor.id,
        where=or_(opened_with.is_(None), PaymentProcessor.webhook_secret == opened_with),
    )
    row: dict[str, ColumnElement[Any]] = {
        "organization_id": home.c.organization_id,
        "id": bindparam("event", type_=Uuid()),
        "processor_id": home.c.id,
        "deliveries": literal(1),
        **{name: bindparam(key, type_=columns[name].type) for name, key in sent.items()},
    }
    brought = select(*row.values()).select_from(tenancy.TOLD).join(home, true())
    is_new: ColumnElement[bool] = literal_column("xmax = 0").label("new")
    event = (
        insert(ProcessorEvent)
        .from_select(list(row), brought)
        .on_conflict_do_update(
            index_elements=["organization_id", "processor_id", "event_reference"],
            set_={"deliveries": ProcessorEvent.deliveries + bindparam("seen_again", type_=BigInteger())},
        )
        .returning(ProcessorEvent.id, ProcessorEvent.state, is_new)
        .cte("event")
    )
    to_react_to = select(event.c.id).where(event.c.new, event.c.state == DeliveryState.RECEIVED)
    news = to_react_to.cte("news")
    promised = promise_in(Job.REACT_TO_EVENT, news, once=news.c.id, event_id=news.c.id)
    return select(event.c.new, select(promised.c.id).scalar_subquery())


def addressed(*columns: InstrumentedAttribute[Any], where: ColumnElement[bool]) -> FromClause:
    """The processor that an address names, as the organization that was told sees it."""
    return (
        select(*columns)
        .where(
            PaymentProcessor.organization_id == cast(tenancy.TOLD.c.organization, Uuid),
            PaymentProcessor.id == bindparam("processor", type_=Uuid()),
            where,
        )
        .offset(0)
        .lateral("processor")
    )


_TAKING_IN = shared(_taking_in())
