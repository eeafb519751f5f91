"""Payment methods that members have saved with the processor: listed, and removed by the member's program."""

from uuid import UUID

from webapp.core.db import transaction
from webapp.core.errors import NotFound
from webapp.domain.organizations import Member, RoleName
from webapp.domain.payments import saved_methods
from webapp.domain.payments.on_file import MethodKind
from webapp.domain.payments.saved_methods import MethodState, SavedMethod
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import EVERYBODY, acting
from webapp.web.api.fields import Shape
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import filtered, listing, page, pages_of

TOPIC = "Payment plans"

METHOD = Shape(
    "SavedMethod",
    {
        "id": f.identifier("The method"),
        "member_id": f.identifier("Whose it is"),
        "state": f.choice("Only a saved one can be charged", MethodState),
        "kind": f.choice("What it is", MethodKind),
        "brand": f.text("The card's brand, or the bank", "Visa"),
        "last4": f.text("The last four digits", "4242"),
        "good_through": f.day("Its last day; bank accounts have none").or_null(),
    },
)
FILTERS = listing("SavedMethodFilters", member=f.identifier("Only this member's"))
_METHODS = "/organizations/<uuid:organization_id>/saved-methods/"


@operations.get(
    _METHODS,
    summary="List saved payment methods",
    topic=TOPIC,
    gives=pages_of(METHOD),
    query=FILTERS,
    allowed=EVERYBODY,
)
def list_saved_methods(query: Values) -> Answer:
    """Those that can be charged. A member's token finds its own, a treasurer's those of its chapter. They are
    added on the processor's own page, which leads there from the member's pages."""
    found = SavedMethod.here().select(SavedMethod.state == MethodState.SAVED)
    found = filtered(found, query, {"member": "member_id"}).join(SavedMethod.member)
    return page(
        bearer.reached(found, Member.chapter_id, SavedMethod.member_id), SavedMethod, query, METHOD.tell
    )


@operations.post(
    _METHODS + "<uuid:method_id>/remove",
    summary="Remove a saved payment method",
    topic=TOPIC,
    gives=METHOD,
    status=200,
    allowed=frozenset({RoleName.MEMBER}),
)
def remove_saved_method(method_id: UUID) -> Answer:
    """From now on nothing is charged to it, and the processor forgets it."""
    member_id = bearer.own_member()
    if member_id is None or SavedMethod.here().get(method_id).member_id != member_id:
        raise NotFound
    with transaction():
        return METHOD.tell(saved_methods.remove(method_id, member_id=member_id, by=acting))
