"""Payment methods that the processor keeps and we forgot, because an older database was restored."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from webapp.core import audit
from webapp.core.db import db, new_id
from webapp.domain.organizations import Member
from webapp.domain.payments.inbox import ProcessorEvent
from webapp.domain.payments.saved_methods import MethodState, ProcessorCustomer, SavedMethod


def adopt(event: ProcessorEvent, names: Mapping[str, Any]) -> SavedMethod | None:
    """Our row again, with the id that the processor kept; what was left there is learned by looking.

    Only from its finished page, which can be looked at. None when it is not ours, or not for the customer
    that we know now: then it can't be charged, and the member saves it once more.
    """
    reference = event.payload.get("customer")
    is_page = event.payload.get("object") == "checkout.session" and event.payload.get("status") == "complete"
    if not is_page or not reference or not event.home.items() <= names.items():
        return None
    member = Member.here().first(Member.id == UUID(names["member_id"]), lock=True)
    customer = _customer(member, event.processor_id, reference) if member else None
    if member is None or customer is None:
        return None
    method = SavedMethod(
        id=UUID(names["saved_method_id"]),
        member_id=member.id,
        processor_id=event.processor_id,
        customer_id=customer.id,
        state=MethodState.CHECKING,
        asked={},
        page_expires_at=event.happened_at,
        session_reference=event.object_reference,
    )
    db.session.add(method)
    audit.record("payment method found again", method, by=None, after={"page": event.object_reference})
    return method


def _customer(member: Member, processor_id: UUID, reference: str) -> ProcessorCustomer | None:
    """The member as the processor knows them; None when it knows them under another name by now."""
    mine = ProcessorCustomer.member_id == member.id, ProcessorCustomer.processor_id == processor_id
    known = ProcessorCustomer.here().first(*mine, lock=True)
    if known is None:
        known = ProcessorCustomer(id=new_id(), member_id=member.id, processor_id=processor_id)
        db.session.add(known)
    known.reference = known.reference or reference
    db.session.flush()
    return known if known.reference == reference else None
