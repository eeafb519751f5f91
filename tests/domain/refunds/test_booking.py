import pytest

from tests.domain.refunds.conftest import Desk
from tests.processor import Shop
from webapp.domain.ledger import Code, Event, entry_for, moves_of
from webapp.domain.refunds.refund import How

BANK, CLEARING = Code.BANK, Code.PROCESSOR_CLEARING
OWED, GONE = Code.RECEIVABLE, Code.REFUNDS


@pytest.mark.case("K31")
@pytest.mark.parametrize(
    ("online", "how", "reinstates_debt", "debit", "credit"),
    [
        (True, How.ORIGINAL, False, GONE, CLEARING),
        (True, How.ORIGINAL, True, OWED, CLEARING),
        (True, How.CHECK, False, GONE, BANK),
        (True, How.CHECK, True, OWED, BANK),
        (False, How.CHECK, False, GONE, BANK),
        (False, How.CHECK, True, OWED, BANK),
    ],
)
def test_a_refund_moves_this_and_nothing_else(
    shop: Shop, desk: Desk, online: bool, how: How, reinstates_debt: bool, debit: Code, credit: Code
) -> None:
    invoice = shop.owed()
    payment = shop.paid(invoice) if online else shop.record(invoice, 40_000)
    asked = desk.ask(invoice, payment, 5_000, how=how, reinstates_debt=reinstates_debt)
    shop.work()
    entry = entry_for(asked.refund.id, Event.REFUND)
    assert entry is not None
    assert [(move.amount, move.debit.account, move.credit.account) for move in moves_of(entry)] == [
        (5_000, debit, credit)
    ]
