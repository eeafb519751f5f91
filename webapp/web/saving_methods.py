"""From "Add" to the processor's page for leaving a payment method, and back. No card number comes here."""

from flask import redirect
from werkzeug.wrappers import Response

from webapp import at_processor, wiring
from webapp.core import clock
from webapp.core.db import transaction
from webapp.core.jobs import Job, later
from webapp.domain.organizations import Member
from webapp.domain.payments import circuit, method_setups
from webapp.domain.payments.checkout import ReturnAddresses
from webapp.domain.payments.gateway import GatewayRefused
from webapp.domain.payments.processor import PaymentProcessor
from webapp.domain.payments.saved_methods import MethodState, SavedMethod

_LOOK_EVERY = 5
WAITING = (MethodState.OPENING, MethodState.LIVE, MethodState.CHECKING)


def go_to_page(member: Member, addresses: ReturnAddresses) -> Response:
    """Off to the processor's page (303). Asked again, it is the same page."""
    with transaction():
        method = method_setups.begin(member, addresses=addresses, now=clock.now())
    if method.state is MethodState.OPENING:
        try:
            method = at_processor.look_up_method(method.id)
        except GatewayRefused:
            with transaction():
                method_setups.refused(method.id)
            raise
    assert method.url is not None, "A page that was just opened has an address"
    return redirect(method.url, 303)


def addresses(list_page: str) -> ReturnAddresses:
    """Where the processor sends the member back to. `{method}` stands for our row's id."""
    host = wiring.settings().public_url
    return ReturnAddresses(done=f"{host}{list_page}{{method}}/", canceled=f"{host}{list_page}")


def look_again(method: SavedMethod) -> None:
    """Somebody waits for the outcome: have the processor asked now, at most every few seconds."""
    if method.state not in WAITING:
        return
    moment = int(clock.now().timestamp()) // _LOOK_EVERY
    with transaction():
        if not circuit.is_open(PaymentProcessor.here().get(method.processor_id), now=clock.now()):
            later(Job.LOOK_UP_METHOD, once=f"{method.id}:{moment}", method_id=method.id)
