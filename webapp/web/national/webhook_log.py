"""What processors told us, how often, and what came of it."""

from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.core.errors import Conflict
from webapp.core.jobs import Job, later
from webapp.domain.payments import search
from webapp.domain.payments.inbox import DeliveryState, ProcessorEvent
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv
from webapp.web.national import national

_HEADER = ("received", "processor", "event", "kind", "object", "deliveries", "found_by", "state", "note")


@national.get("/webhook-log/", endpoint="webhook_log")
def index() -> Response:
    wanted = search.WantedEvents(
        kind=request.args.get("kind", "").strip(),
        state=request.args.get("state", type=DeliveryState),
        reference=request.args.get("reference", "").strip(),
    )
    if wants_csv():
        return stream_rows("webhook-log.csv", _HEADER, search.events(current_organization, wanted), _as_row)
    after = request.args.get("after", type=UUID)
    rows, last = page_of(search.events_page(current_organization, wanted, after=after, size=PAGE + 1))
    return respond(
        "national/webhook_log/index.html",
        "national/webhook_log/_list.html",
        rows=rows,
        after=last.id if last else None,
        wanted=wanted,
        states=[(state.value, state.value.capitalize()) for state in DeliveryState],
    )


@national.post("/webhook-log/<uuid:event_id>/reactions")
def create_reaction(event_id: UUID) -> Response:
    """React again, for instance after the reason of a failure is gone. Reactions may be repeated freely."""
    with transaction():
        event = ProcessorEvent.in_(current_organization).get(event_id, lock=True)
        if event.state is not DeliveryState.FAILED:
            raise Conflict("Only an event whose reaction failed can be tried again.")
        event.state = DeliveryState.RECEIVED
        later(Job.REACT_TO_EVENT, event_id=event.id)
    return see_other("national.webhook_log", notice="It is being read again.")


def _as_row(event: ProcessorEvent) -> tuple[str | int | None, ...]:
    return (
        event.received_at.isoformat(),
        event.processor.name,
        event.event_reference,
        event.kind,
        event.object_reference,
        event.deliveries,
        event.found_by,
        event.state.value,
        event.note,
    )
