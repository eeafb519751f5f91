"""Background jobs: recorded in the transaction that wants them, sent after its commit, done under a lease.

The outbox row is the truth and holds ids only; the queue carries a nudge.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Index,
    Text,
    bindparam,
    cast,
    func,
    literal,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.core import audit, tenancy, writing
from webapp.core.db import Base, OrganizationRow, after_commit, at_start, db, references_organization


@dataclass(frozen=True)
class Work:
    """How a job is run: its queue, how long a lease lasts (seconds), how often it is tried."""

    name: str
    queue: str
    lease: int = 120
    attempts: int = 8


class Job(Enum):
    """The catalogue of background jobs. What each does is one function in `workers/`."""

    CHECK_ROSTER = Work("check_roster", "bulk", lease=600)
    IMPORT_ROSTER = Work("import_roster", "bulk", lease=600)
    UNDO_ROSTER = Work("undo_roster", "bulk", lease=600)
    START_BILLING_RUN = Work("start_billing_run", "bulk", lease=300)
    BILL_BATCH = Work("bill_batch", "bulk", lease=300)
    UNDO_BILLING_RUN = Work("undo_billing_run", "bulk", lease=600)
    DAILY = Work("daily", "bulk", lease=600)
    VERIFY_BOOKS = Work("verify_books", "bulk", lease=900, attempts=3)
    SEAL_RECORDS = Work("seal_records", "bulk", lease=300)
    ANNOUNCE = Work("announce", "mail", lease=300)
    DELIVER_MAILS = Work("deliver_mails", "mail", lease=300, attempts=10)
    CARRY_OUT_BULK_ACTION = Work("carry_out_bulk_action", "bulk", lease=300)
    DRAW_LETTERS = Work("draw_letters", "bulk", lease=300, attempts=4)
    POST_RECEIPTS = Work("post_receipts", "bulk", lease=600, attempts=4)
    REACT_TO_EVENT = Work("react_to_event", "now", lease=60, attempts=12)
    CONFIRM_FEE = Work("confirm_fee", "now", lease=60, attempts=20)
    LOOK_UP_CHECKOUT = Work("look_up_checkout", "now", lease=60, attempts=12)
    LOOK_UP_PAYMENT = Work("look_up_payment", "now", lease=60, attempts=12)
    COLLECT_INSTALLMENT = Work("collect_installment", "now", lease=120, attempts=12)
    CLOSE_CHECKOUT = Work("close_checkout", "now", lease=60, attempts=12)
    LOOK_UP_METHOD = Work("look_up_method", "now", lease=60, attempts=12)
    DETACH_METHOD = Work("detach_method", "now", lease=60, attempts=12)
    SUBMIT_REFUND = Work("submit_refund", "now", lease=60, attempts=20)
    LOOK_UP_REFUND = Work("look_up_refund", "now", lease=60, attempts=12)
    SEND_DISPUTE_ANSWER = Work("send_dispute_answer", "now", lease=120, attempts=12)
    LOOK_THROUGH_EVENTS = Work("look_through_events", "now", lease=300)

    @property
    def work(self) -> Work:
        work: Work = self.value
        return work


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


class OutboxJob(OrganizationRow, Base):
    """One piece of promised work. `dead` means it was tried as often as it may be and needs a person."""

    __tablename__ = "outbox"

    name: Mapped[str]
    queue: Mapped[str]
    arguments: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED)
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    nudged_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    dedupe_key: Mapped[str | None]
    request_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        references_organization(),
        Index("uq_outbox_dedupe_key", "organization_id", "name", "dedupe_key", unique=True),
        Index("ix_outbox_open", "due_at", postgresql_where="state IN ('queued', 'running')"),
        Index("ix_outbox_dead", "organization_id", "finished_at", postgresql_where="state = 'dead'"),
    )


@dataclass(frozen=True)
class Nudge:
    organization_id: UUID
    job_id: UUID
    work: Work


class Dispatcher(Protocol):
    """Carries nudges to the workers. May lose them: the sweeper sends them again."""

    def nudge(self, nudges: Sequence[Nudge]) -> bool:
        """False when they are certainly not all on their way."""
        ...


_dispatcher: list[Dispatcher] = []


def deliver_through(dispatcher: Dispatcher) -> None:
    """The one dispatcher of this process, chosen in wiring."""
    _dispatcher[:] = [dispatcher]


_held_back: ContextVar[Mapping[str, str]] = ContextVar("held_back", default=MappingProxyType({}))


@contextmanager
def held_back(queue: str, reason: str) -> Iterator[None]:
    """What is promised to this queue inside counts as done, for it was perhaps done before."""
    token = _held_back.set({queue: reason})
    try:
        yield
    finally:
        _held_back.reset(token)


def later(job: Job, *, at: datetime | None = None, once: str | None = None, **ids: Any) -> None:
    """Promise a job in this transaction. With `once`, the same promise is made a single time for ever."""
    work, reason = job.work, _held_back.get().get(job.work.queue)
    values: dict[str, Any] = {"due_at": at} if at is not None else {}
    if reason:
        values |= {"finished_at": func.now(), "last_error": reason}

    def nudge(job_id: UUID) -> None:
        if at is None and not reason:
            nudge_after_commit(job, job_id)

    writing.note_once(
        OutboxJob,
        nudge,
        name=work.name,
        queue=work.queue,
        arguments={key: str(value) for key, value in ids.items()},
        state=JobState.DONE if reason else JobState.QUEUED,
        attempts=0,
        dedupe_key=once,
        request_id=audit.origin.get().request_id,
        **values,
    )


def promise_in(
    job: Job, found: CTE, *, once: ColumnElement[Any] | None = None, **ids: ColumnElement[Any]
) -> CTE:
    """Promised by another statement, once for each row of `found`. It selects their ids, to nudge for."""
    named = [part for name, value in ids.items() for part in (name, cast(value, Text))]
    values: dict[str, Any] = {
        "organization_id": tenancy.HERE,
        "id": func.gen_random_uuid(),
        "name": literal(job.work.name),
        "queue": literal(job.work.queue),
        "arguments": func.jsonb_build_object(*named),
        "state": literal(JobState.QUEUED.value),
        "attempts": literal(0),
        "dedupe_key": null() if once is None else cast(once, Text),
        "request_id": bindparam(None, callable_=lambda: audit.origin.get().request_id, type_=Text()),
    }
    promising = insert(OutboxJob).from_select(list(values), select(*values.values()))
    return promising.on_conflict_do_nothing().returning(OutboxJob.id).cte(f"promised_{job.work.name}")


def nudge(job: Job, job_id: UUID) -> None:
    """Its promise is committed."""
    _send([Nudge(tenancy.organization_id(), job_id, job.work)])


def nudge_after_commit(job: Job, job_id: UUID) -> None:
    nudge = Nudge(tenancy.organization_id(), job_id, job.work)
    db.session.info.setdefault("nudges", []).append(nudge)


@after_commit
def _send_nudges(session: Session) -> None:
    _send(session.info.pop("nudges", []))


def _send(nudges: Sequence[Nudge]) -> None:
    if nudges and _dispatcher:
        _dispatcher[0].nudge(nudges)


def nudge_again(job: OutboxJob) -> None:
    """It is due now, for whoever finds it."""
    nudge = Nudge(job.organization_id, job.id, work_named(job.name))
    db.session.info.setdefault("nudges", []).append(nudge)


@at_start
def _forget_nudges(session: Session) -> None:
    session.info.pop("nudges", None)


_BY_NAME = {job.work.name: job for job in Job}


def work_named(name: str) -> Work:
    """How it is run. What this version does not know is held back like any other job that fails."""
    job = named(name)
    return job.work if job else Work(name, "bulk")


def named(name: str) -> Job | None:
    """None: only another version of Duesbook knows such jobs."""
    return _BY_NAME.get(name)
