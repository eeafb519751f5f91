"""Looks at the processor that are written down late, and the time that is left to answer."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import permutations

import pytest

from tests import factories
from tests.processor import Shop, fresh
from webapp import wiring
from webapp.core import clock
from webapp.core.db import database_time, db, transaction
from webapp.domain.billing.invoice import Invoice
from webapp.domain.ledger import Code
from webapp.domain.notifications import dispute_mails
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Chapter, RoleName
from webapp.domain.payments.checkout import Checkout
from webapp.domain.payments.disputes import Dispute
from webapp.domain.payments.gateway import DisputeState
from webapp.domain.payments.payment import Payment
from webapp.domain.payments.sighting import look
from webapp.domain.refunds.seen import learn


@pytest.mark.case("F18")
@pytest.mark.case("K6")
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_newest_look_wins_in_whichever_order_looks_are_written_down(
    shop: Shop, order: Sequence[int]
) -> None:
    """Opened, lost, on appeal, won: workers that looked at different moments commit in any order."""
    invoice = shop.owed()
    checkout = shop.open(invoice)
    shop.pay(checkout)
    opened = ""
    looks = []
    for action in ("", "loss", "appeal", "win"):
        if action:
            shop.sandbox.act(opened, action)
        else:
            opened = shop.sandbox.act(shop.latest("charge")["id"], "dispute")["id"]
        with transaction():
            asked_at = database_time()
        known = fresh(Checkout, checkout.id)
        looks.append((look(wiring.gateway_for(shop.processor), known, "USD"), asked_at))
    for place in order:
        sighting, asked_at = looks[place]
        with transaction():
            learn(checkout.id, sighting, on=date(2026, 9, 10), asked_at=asked_at)
    [dispute] = Dispute.here().all()
    db.session.refresh(dispute)
    assert (dispute.state, dispute.withdrawn, dispute.lost) == (DisputeState.WON, 0, 0)
    payment = fresh(Payment, checkout.payment_id)
    assert (payment.allocated, payment.returned, payment.reserved) == (40_000, 0, 0)
    assert fresh(Invoice, invoice.id).owed == 0
    assert shop.balance(Code.DISPUTED_PAYMENTS) == shop.balance(Code.BAD_DEBT) == 0


def test_officers_are_reminded_once_per_step_until_somebody_has_answered(shop: Shop) -> None:
    treasurer = factories.make_login("Tom Treasurer")
    factories.make_role(treasurer, RoleName.TREASURER, chapter=fresh(Chapter, shop.chapter_id))
    shop.paid(shop.owed())
    shop.sandbox.act(shop.latest("charge")["id"], "dispute")
    shop.hear()
    [dispute] = Dispute.here().all()
    due = dispute.answer_by
    assert due is not None
    last_day = due.astimezone(clock.zone("America/New_York")).date()
    for before in (8, 7, 7, 6, 3, 1, 1):
        with transaction():
            day = last_day - timedelta(days=before)
            dispute_mails.remind(shop.organization, day, wiring.links())
    steps = [mail.once.split(":")[2] for mail in Mail.here().all(Mail.once.startswith("dispute_due:"))]
    assert sorted(steps) == ["1", "3", "7"]
    with transaction():
        Dispute.here().get(dispute.id, lock=True).answer("It was right.", by=treasurer)
        assert dispute_mails.remind(shop.organization, last_day, wiring.links()) == 0
    shop.work()
    told = Mail.here().all(Mail.kind == MailKind.DISPUTE, Mail.once.startswith("dispute_opened:"))
    assert sorted(mail.recipient for mail in told) == sorted([str(treasurer.email), str(shop.member.email)])
