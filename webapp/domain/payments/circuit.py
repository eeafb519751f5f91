"""A processor that keeps silent is left alone for a while, so that nobody waits for it in vain.

Each silence after the first few doubles the rest; one answer ends it. The row carries it, so that every
process knows what one of them found out.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from webapp.domain.payments.gateway import GatewayUnavailable
from webapp.domain.payments.processor import PaymentProcessor

SILENCES = 3
"""How many in a row are taken for chance."""

FIRST_REST, LONGEST_REST = timedelta(seconds=15), timedelta(minutes=5)

log = structlog.get_logger()


class ProcessorRests(GatewayUnavailable):
    """It was not asked at all: it did not answer the last times."""

    code = "processor-silent"
    message = "The payment processor has not answered for a while, so it is left alone for some minutes."
    next_step = "Nothing is lost. What was begun is tried again by itself."


def is_open(processor: PaymentProcessor, *, now: datetime) -> bool:
    """Whether it rests. An end further off than any rest comes from a wrong clock, and is ignored."""
    until = processor.rests_until
    return until is not None and now < until <= now + LONGEST_REST


def refuse_while_open(processor: PaymentProcessor, *, now: datetime) -> None:
    if is_open(processor, now=now):
        raise ProcessorRests


def note_silence(processor_id: UUID, *, now: datetime) -> None:
    """One more question without an answer."""
    processor = PaymentProcessor.here().get(processor_id, lock=True)
    processor.silences += 1
    if processor.silences >= SILENCES:
        rest = min(LONGEST_REST, FIRST_REST * 2 ** min(processor.silences - SILENCES, 10))
        processor.rests_until = now + rest
        log.error("processor_silent", processor=str(processor.id), silences=processor.silences)


def note_answer(processor_id: UUID) -> None:
    """It is there again."""
    processor = PaymentProcessor.here().get(processor_id, lock=True)
    processor.silences, processor.rests_until = 0, None
