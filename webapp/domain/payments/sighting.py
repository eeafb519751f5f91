"""What the processor shows when it is asked now. Called outside of any transaction."""

from dataclasses import dataclass

from webapp.domain.payments.checkout import Checkout, CheckoutState
from webapp.domain.payments.gateway import (
    ChargeState,
    HostedCheckout,
    HostedState,
    PaymentGateway,
    ProcessorPayment,
)
from webapp.domain.payments.payment import PaymentState


@dataclass(frozen=True)
class Sighting:
    """The hosted page, and then the payment made on it if there was an attempt: that is the newer news."""

    page: HostedCheckout
    payment: ProcessorPayment | None

    @property
    def state(self) -> PaymentState:
        """What this means for our payment. A declined card on an open page is no failure yet."""
        if self.payment and self.payment.state is ChargeState.SUCCEEDED:
            return PaymentState.SUCCEEDED
        if self.page.state is HostedState.EXPIRED:
            return PaymentState.EXPIRED
        if self.payment and self.payment.state is ChargeState.PROCESSING:
            return PaymentState.PROCESSING
        return _BY_PAGE[self.page.state]


_BY_PAGE = {
    HostedState.OPEN: PaymentState.STARTED,
    HostedState.PAID: PaymentState.PROCESSING,
    HostedState.PROCESSING: PaymentState.PROCESSING,
    HostedState.FAILED: PaymentState.FAILED,
}


def look(
    gateway: PaymentGateway, checkout: Checkout, currency: str, *, reference: str | None = None
) -> Sighting:
    """Ask for the page and its payment. An opening that was never answered is repeated with the same key."""
    known = checkout.session_reference or reference
    if known is None:
        known = gateway.open_checkout(
            checkout.order(currency), idempotency_key=checkout.idempotency_key
        ).reference
    closing = checkout.state is CheckoutState.CLOSING
    page = gateway.close_checkout(known) if closing else gateway.read_checkout(known)
    payment = gateway.read_payment(page.intent_reference) if page.intent_reference else None
    return Sighting(page, payment)
