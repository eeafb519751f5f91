"""The statuses that members can have, and which of them are billed."""

from uuid import UUID

from webapp.core.db import transaction
from webapp.domain.organizations import MemberStatus
from webapp.web.api import fields as f
from webapp.web.api import operations
from webapp.web.api.bearer import ADMIN, STAFF, acting
from webapp.web.api.fields import Shape, change_in, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import PAGED, page, pages_of

TOPIC = "Chapters and members"

_FACTS = {
    "label": f.text("What it is called", "Undergraduate", least=1, most=64),
    "billable": f.flag("Whether members in it are billed"),
}
_CODE = f.text("Its short name, that files, rates and members refer to", "undergraduate", least=1, most=60)
STATUS = Shape("MemberStatus", {"id": f.identifier("The status"), "code": _CODE} | _FACTS)
STATUS_NEW = shape_in(
    "MemberStatusNew", label=_FACTS["label"].needed(), billable=_FACTS["billable"], code=_CODE
)
STATUS_CHANGE = change_in("MemberStatusChange", **_FACTS)
_STATUSES = "/organizations/<uuid:organization_id>/member-statuses/"
_STATUS = _STATUSES + "<uuid:status_id>/"


@operations.get(
    _STATUSES,
    summary="List member statuses",
    topic=TOPIC,
    gives=pages_of(STATUS),
    query=PAGED,
    allowed=STAFF,
)
def list_statuses(query: Values) -> Answer:
    """Those this organization has defined."""
    return page(MemberStatus.here().select(), MemberStatus, query, STATUS.tell)


@operations.post(
    _STATUSES, summary="Add a member status", topic=TOPIC, gives=STATUS, takes=STATUS_NEW, allowed=ADMIN
)
def add_status(body: Values) -> Answer:
    """Without a code, it is made from the label. Members in it are billed unless told otherwise."""
    with transaction():
        status = MemberStatus.define(
            body["label"], billable=body.get("billable", True), code=body.get("code", ""), by=acting
        )
    return STATUS.tell(status)


@operations.get(_STATUS, summary="Read a member status", topic=TOPIC, gives=STATUS, allowed=STAFF)
def read_status(status_id: UUID) -> Answer:
    """Its code and label, and whether its members are billed."""
    return STATUS.tell(MemberStatus.here().get(status_id))


@operations.patch(
    _STATUS,
    summary="Change a member status",
    topic=TOPIC,
    gives=STATUS,
    takes=STATUS_CHANGE,
    allowed=ADMIN,
)
def change_status(status_id: UUID, body: Values) -> Answer:
    """Send what changes. The code stays, because rates and files refer to it."""
    with transaction():
        status = MemberStatus.here().get(status_id, lock=True)
        facts = status.facts | body
        status.change(label=facts["label"], billable=facts["billable"], by=acting)
    return STATUS.tell(status)


@operations.delete(_STATUS, summary="Remove a member status", topic=TOPIC, gives=STATUS, allowed=ADMIN)
def remove_status(status_id: UUID) -> Answer:
    """Only one that no member and no rate refers to; otherwise 409."""
    with transaction():
        status = MemberStatus.here().get(status_id, lock=True)
        told = STATUS.tell(status)
        status.remove(by=acting)
    return told
