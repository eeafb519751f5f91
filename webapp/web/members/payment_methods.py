"""The cards and bank accounts a member has saved with the processor: added, looked at, removed."""

from uuid import UUID

from flask import render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.core.errors import NotFound
from webapp.domain.payments import saved_methods
from webapp.domain.payments.gateway import GatewayUnavailable
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.payments.saved_methods import SavedMethod
from webapp.web import saving_methods
from webapp.web.gates import current_member, current_organization
from webapp.web.htmx import is_swap, respond, see_other
from webapp.web.members import members


@members.get("/payment-methods/")
def payment_methods() -> str:
    return render_template(
        "members/payment_methods/index.html",
        methods=saved_methods.saved_of(current_member.id),
        can_add=PaymentProcessor.here().first(PaymentProcessor.active.is_(True)) is not None,
        today=current_organization.today,
    )


@members.post("/payment-methods/")
def create_payment_method() -> Response:
    back = saving_methods.addresses(url_for("members.payment_methods"))
    try:
        return saving_methods.go_to_page(current_member, back)
    except GatewayUnavailable as silence:
        said = f"{silence.message} {silence.next_step}"
        return see_other("members.payment_methods", notice=said, tone="bad")


@members.get("/payment-methods/<uuid:method_id>/")
def payment_method(method_id: UUID) -> Response:
    return _outcome(_mine(method_id))


@members.post("/payment-methods/<uuid:method_id>/looks")
def create_payment_method_look(method_id: UUID) -> Response:
    method = _mine(method_id)
    saving_methods.look_again(method)
    return _outcome(method) if is_swap() else see_other("members.payment_method", method_id=method_id)


@members.post("/payment-methods/<uuid:method_id>/removal")
def remove_payment_method(method_id: UUID) -> Response:
    _mine(method_id)
    with transaction():
        removed = saved_methods.remove(method_id, member_id=current_member.id, by=current_user)
    return see_other("members.payment_methods", notice=f"{removed.label} is removed. It is charged no more.")


def _mine(method_id: UUID) -> SavedMethod:
    found = SavedMethod.here().first(SavedMethod.id == method_id, SavedMethod.member_id == current_member.id)
    if found is None:
        raise NotFound
    return found


def _outcome(method: SavedMethod) -> Response:
    return respond(
        "members/payment_methods/show.html",
        "members/payment_methods/_outcome.html",
        method=method,
        look_url=url_for("members.create_payment_method_look", method_id=method.id),
    )
