"""Who acts alone up to which amount, and up to which treasurers decide what others asked for."""

from typing import Any

from flask import g

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.approvals import Action, policy
from webapp.domain.approvals.policy import PLACES, Place, Right
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import RoleName
from webapp.web.api import fields as f
from webapp.web.api import operations
from webapp.web.api.approvals import TOPIC
from webapp.web.api.bearer import ADMIN, STAFF, acting
from webapp.web.api.fields import Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer

_WHOSE = {
    "role": f.one_of("Whose limit", *(role.value for role in policy.OFFICERS)),
    "action": f.choice("For what", Action),
    "right": f.choice("Alone, or as the second person to somebody else's request", Right),
}
_UP_TO = f.amount("Up to this amount, it included; 0 is never, null any amount", 5_000).or_null()
LIMIT = Shape("ApprovalLimit", _WHOSE | {"up_to": _UP_TO, "is_set": f.flag("Set here, or the usual one")})
POLICY = Shape(
    "ApprovalPolicy", {"limits": f.list_of(LIMIT, "Every limit that can be set"), "currency": f.currency()}
)
_CHANGED = shape_in(
    "ApprovalLimitChange", **{name: field.needed() for name, field in _WHOSE.items()}, up_to=_UP_TO
)
CHANGE = shape_in(
    "ApprovalPolicyChange",
    limits=f.several(
        _CHANGED, "The limits that change; without `up_to` one is the usual again", most=20
    ).needed(),
)
_PATH = "/organizations/<uuid:organization_id>/approval-policy/"


@operations.get(_PATH, summary="Read the approval policy", topic=TOPIC, gives=POLICY, allowed=STAFF)
def read_approval_policy() -> Answer:
    """National admins decide any amount that others asked for, and a treasurer's refund cap stands in the
    dues settings; neither is listed."""
    return _told()


@operations.patch(
    _PATH, summary="Change the approval policy", topic=TOPIC, gives=POLICY, takes=CHANGE, allowed=ADMIN
)
def change_approval_policy(body: Values) -> Answer:
    """Counts for whatever is decided from now on."""
    with transaction():
        for one in body["limits"]:
            place = Place(RoleName(one["role"]), one["action"], one["right"])
            if place not in PLACES:
                raise Invalid(fields={"limits": f"{place.role.label.capitalize()}s have no such limit."})
            if "up_to" in one:
                policy.set_limit(place, one["up_to"], by=acting)
            else:
                policy.forget_limit(place, by=acting)
    return _told()


def _told() -> dict[str, Any]:
    said = policy.limits()
    cap = DuesSettings.of(g.organization).refund_cap
    limits = [
        place._asdict()
        | {"up_to": said.get(place, policy.usual(place, refund_cap=cap)), "is_set": place in said}
        for place in PLACES
    ]
    return {
        "limits": [{name: f.plain(value) for name, value in one.items()} for one in limits],
        "currency": g.organization.currency,
    }
