"""Days on which nothing can be posted any more."""

from uuid import UUID

from flask import g

from webapp.core.db import transaction
from webapp.domain import ledger
from webapp.domain.ledger import ClosedSpan
from webapp.web.api import fields as f
from webapp.web.api import operations
from webapp.web.api.bearer import ADMIN, STAFF, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import PAGED, page, pages_of

TOPIC = "Books"

SPAN = Shape(
    "ClosedBooks",
    {
        "id": f.identifier("The closing"),
        "starts_on": f.day("The first closed day; 1900-01-01 is the beginning of the books"),
        "ends_on": f.day("The last closed day"),
        "closed_at": f.instant("When they were closed"),
        "reopened_at": f.instant("When they were opened again").or_null(),
    },
)
CLOSING = shape_in("BooksClosed", day=f.day("The last day that is to be closed; before today").needed())
REOPENING = shape_in(
    "BooksReopened",
    reason=f.text("Why; auditors read it", "A check was found in the lock box", least=1, most=500).needed(),
)
_CLOSED = "/organizations/<uuid:organization_id>/closed-books/"


@operations.get(
    _CLOSED,
    summary="List closed books",
    topic=TOPIC,
    gives=pages_of(SPAN),
    query=PAGED,
    allowed=STAFF,
)
def list_closed_books(query: Values) -> Answer:
    """Also those that were opened again."""
    return page(ClosedSpan.here().select(), ClosedSpan, query, SPAN.tell)


@operations.post(_CLOSED, summary="Close the books", topic=TOPIC, gives=SPAN, takes=CLOSING, allowed=ADMIN)
def close_books(body: Values) -> Answer:
    """Through a day that is over. Whatever is dated there is refused from now on, unless a national admin
    gives a reason (`override_reason`), which is kept as a decision."""
    with transaction():
        span = ledger.close_through(body["day"], by=acting, today=g.organization.today)
    return SPAN.tell(span)


@operations.post(
    _CLOSED + "<uuid:span_id>/reopening",
    summary="Open closed books again",
    topic=TOPIC,
    gives=SPAN,
    takes=REOPENING,
    status=200,
    allowed=ADMIN,
)
def reopen_books(span_id: UUID, body: Values) -> Answer:
    """Entries may be dated there again. Who closed and who opened them stays on record."""
    with transaction():
        span = ClosedSpan.here().get(span_id, lock=True)
        span.reopen(by=acting, reason=body["reason"])
    return SPAN.tell(span)
