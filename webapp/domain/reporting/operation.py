"""Is it working, for one organization: its background work, its processors and its books."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import and_, func, select

from webapp.core import clock, tenancy
from webapp.core.checkup import LATE, PROMPT, Line, Mark, in_words, waiting
from webapp.core.crypto import KeyRing, SecretUnreadable
from webapp.core.db import db
from webapp.core.jobs import JobState, OutboxJob
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.plans import hold_ups
from webapp.domain.reporting.verification.books import Verification
from webapp.domain.reporting.verification.broken_seals import Inspection

_SHOWN = 100
_NIGHTLY = timedelta(hours=30)


def lines(keys: KeyRing) -> Iterator[Line]:
    now = clock.now()
    oldest, given_up_jobs, plans_held_up = _background()
    yield waiting(now - oldest if oldest else None)
    yield _given_up(given_up_jobs)
    for processor, latest, unread in _processors():
        yield _credentials(processor, keys)
        yield _webhooks(processor, latest, unread, now)
    yield _autopay(plans_held_up)
    verified = Verification.latest()
    yield _books(verified, now)
    yield _seals(verified, now)


def given_up() -> Sequence[OutboxJob]:
    """Jobs that were tried as often as they may be, latest first."""
    dead = OutboxJob.here().select(OutboxJob.state == JobState.DEAD)
    return db.session.scalars(dead.order_by(OutboxJob.finished_at.desc()).limit(_SHOWN)).all()


def _background() -> tuple[datetime | None, int, int]:
    """Since when the oldest due job waits, how many were given up, and how many plans can't be collected."""
    held_up = select(func.count()).select_from(hold_ups.held_up().subquery()).scalar_subquery()
    due = and_(OutboxJob.state == JobState.QUEUED, OutboxJob.due_at <= func.now())
    found = select(
        func.min(OutboxJob.due_at).filter(due),
        func.count().filter(OutboxJob.state == JobState.DEAD),
        held_up,
    ).where(
        OutboxJob.organization_id == tenancy.organization_id(),
        OutboxJob.state.in_((JobState.QUEUED, JobState.DEAD)),
    )
    return cast("tuple[datetime | None, int, int]", db.session.execute(found).one())


def _given_up(number: int) -> Line:
    if not number:
        return Line("Given up", Mark.GOOD, "Nothing was given up.")
    said = "One job was given up." if number == 1 else f"{number} jobs were given up."
    return Line("Given up", Mark.ACT, said, "Read below what went wrong, then try again.")


def _credentials(processor: PaymentProcessor, keys: KeyRing) -> Line:
    subject = f"Keys of {processor.name}"
    try:
        processor.reveal_secret_key(keys)
        sealed = processor.reveal_webhook_secret(keys)
    except SecretUnreadable as missing:
        return Line(subject, Mark.ACT, f"{missing.message} Nobody can pay online.", missing.next_step)
    if sealed is None:
        advice = "Enter it under Payment processors. Until then payments are found by asking once an hour."
        return Line(subject, Mark.LOOK, "There is no webhook secret yet.", advice)
    return Line(subject, Mark.GOOD, "They can be read.")


def _processors() -> list[tuple[PaymentProcessor, datetime | None, datetime | None]]:
    """Those in use, with when their latest news came and since when the oldest waits to be read."""
    its = and_(
        ProcessorEvent.organization_id == PaymentProcessor.organization_id,
        ProcessorEvent.processor_id == PaymentProcessor.id,
    )
    unread = ProcessorEvent.state == DeliveryState.RECEIVED
    found = (
        PaymentProcessor.here()
        .select(PaymentProcessor.active.is_(True))
        .outerjoin(ProcessorEvent, its)
        .add_columns(
            func.max(ProcessorEvent.received_at), func.min(ProcessorEvent.received_at).filter(unread)
        )
        .group_by(PaymentProcessor.organization_id, PaymentProcessor.id)
        .order_by(PaymentProcessor.id)
    )
    return [(processor, latest, oldest) for processor, latest, oldest in db.session.execute(found)]


def _webhooks(
    processor: PaymentProcessor, latest: datetime | None, unread: datetime | None, now: datetime
) -> Line:
    subject = f"News from {processor.name}"
    if latest is None:
        advice = (
            "Pay an invoice to try it. If nothing comes, compare the webhook address with the processor's."
        )
        return Line(subject, Mark.LOOK, "None has come yet.", advice)
    said = f"The latest came {in_words(now - latest)} ago."
    if unread is None or now - unread < PROMPT:
        return Line(subject, Mark.GOOD, said)
    mark = Mark.LOOK if now - unread < LATE else Mark.ACT
    said += f" One has waited for {in_words(now - unread)} to be read."
    return Line(subject, mark, said, "Look at the webhook log and at the workers.")


def _autopay(held: int) -> Line:
    if not held:
        return Line("Autopay", Mark.GOOD, "Nothing keeps it from collecting.")
    whose = "one payment plan" if held == 1 else f"{held} payment plans"
    advice = "Look at Payment plans, “Autopay held up”: each says why, and what to do."
    return Line("Autopay", Mark.ACT, f"The installments of {whose} could not be collected.", advice)


def _books(latest: Verification | None, now: datetime) -> Line:
    if latest is None:
        return Line("Books", Mark.LOOK, "They were not verified yet.", "This happens every night by itself.")
    ago = now - latest.verified_at
    if latest.differences:
        said = (
            f"Verified {in_words(ago)} ago: they differ in {latest.differences} places. {latest.first or ''}"
        )
        return Line("Books", Mark.ACT, said, "Run flask ledger verify, and don't close a period meanwhile.")
    mark = Mark.GOOD if ago < _NIGHTLY else Mark.LOOK
    advice = "" if mark is Mark.GOOD else "This happens every night by itself. Look at the scheduler."
    return Line("Books", mark, f"Verified {in_words(ago)} ago: they agree.", advice)


def _seals(latest: Verification | None, now: datetime) -> Line:
    if latest is None or latest.seals is None:
        return Line("Seals", Mark.LOOK, "They were not inspected yet.", "This happens every night by itself.")
    inspection = Inspection(latest.seals, latest.broken_seal)
    return sealed(inspection, f"Inspected {in_words(now - latest.verified_at)} ago")


def sealed(inspection: Inspection, when: str) -> Line:
    """Whether the audit trail and the books stand as they were written."""
    if inspection.broken is not None:
        advice = "Somebody changed the database itself. Keep it as it is, and compare it with a backup."
        return Line("Seals", Mark.ACT, f"{when}: {inspection.broken}", advice)
    return Line("Seals", Mark.GOOD, f"{when}: {_number(inspection.seals)}.")


def _number(seals: int) -> str:
    return "there is none yet" if not seals else "the only one holds" if seals == 1 else f"all {seals} hold"
