"""Who did what, and what was there before and after."""

from flask import g

from webapp.core.audit import AuditEntry
from webapp.domain.reporting import trail
from webapp.domain.reporting.verification.seals import Seal
from webapp.web.api import fields as f
from webapp.web.api import operations
from webapp.web.api.bearer import NATIONAL
from webapp.web.api.fields import Shape
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import PAGED, listing, page, pages_of

TOPIC = "Audit trail"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ENTRY = Shape(
    "AuditEntry",
    {
        "id": f.identifier("The entry"),
        "at": f.instant("When"),
        "by_id": f.identifier("Who; null for Duesbook itself").or_null(),
        "by_name": f.text("The name they had then", "Nora Admin", most=1000),
        "action": f.text("What was done", "voided", most=1000),
        "subject_kind": f.text("The kind of thing it was done to", "invoices"),
        "subject_id": f.identifier("That thing").or_null(),
        "before": f.facts("The fields that changed, as they were", {"owed": 40_000}).or_null(),
        "after": f.facts("The same fields, as they were then", {"owed": 0}).or_null(),
        "reason": f.text("Why, where a reason was given", "Entered twice", most=10_000).or_null(),
        "address": f.text("The network address it came from", "203.0.113.7").or_null(),
        "browser": f.text("What the browser or program said it is", "Mozilla/5.0 …", most=300).or_null(),
        "token_id": f.identifier("The API token it came with").or_null(),
        "request_id": f.text("The request's id in the logs", "0f3a9c51d2e4").or_null(),
    },
)
FILTERS = listing(
    "AuditTrailFilters",
    person=f.text("Only by people with this in their name", "Nora", most=100),
    action=f.text("Only actions with this in them", "voided", most=100),
    kind=f.text("Only about this kind of thing", "invoices", most=100),
    subject=f.identifier("Only about this thing"),
    since=f.day("Only from this day on"),
    until=f.day("Only up to this day"),
    q=f.text("Only with this in any of its texts and values", "Main Street", most=100),
)
SEAL = Shape(
    "Seal",
    {
        "id": f.identifier("The seal"),
        "number": f.whole("Counted from 1, without a gap", 812, least=1, most=10**9),
        "made_at": f.instant("When it was made"),
        "until": f.instant(
            "It holds what was written before this moment and is in no earlier seal"
        ).or_null(),
        "rows": f.whole("How many rows it holds", 1204, most=10**12),
        "previous": f.text("The fingerprint of the seal before it", _SHA256, most=64),
        "fingerprint": f.text("SHA-256 over all of this, to be kept elsewhere", _SHA256, most=64),
    },
)
_WANTED = {one: one for one in ("person", "action", "kind", "subject", "since", "until")} | {"q": "text"}


@operations.get(
    "/organizations/<uuid:organization_id>/audit-trail/",
    summary="Read the audit trail",
    topic=TOPIC,
    gives=pages_of(ENTRY),
    query=FILTERS,
    allowed=NATIONAL,
)
def read_audit_trail(query: Values) -> Answer:
    """Every change that a person, a program or Duesbook itself made. Days are the organization's own.
    Nothing in it is ever changed or deleted."""
    wanted = trail.Wanted(**{name: query[asked] for asked, name in _WANTED.items() if asked in query})
    return page(trail.entries(g.organization, wanted).order_by(None), AuditEntry, query, ENTRY.tell)


@operations.get(
    "/organizations/<uuid:organization_id>/seals/",
    summary="Read the seals",
    topic=TOPIC,
    gives=pages_of(SEAL),
    query=PAGED,
    allowed=NATIONAL,
)
def read_seals(query: Values) -> Answer:
    """Fingerprints of the audit trail and the books, each over the one before it. Keep the latest elsewhere:
    whoever changes what was sealed changes it and every one after it."""
    return page(Seal.here().select(), Seal, query, SEAL.tell)
