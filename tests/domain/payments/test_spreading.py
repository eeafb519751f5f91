"""However a payment is spread, no cent is lost and no invoice gets more than it owes."""

from collections.abc import Sequence
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core.errors import Invalid
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.spreading import as_named, in_proportion, oldest_first, only

AMOUNTS = st.integers(1, 10**9)
DEBTS = st.lists(st.integers(1, 10**8), max_size=8)


def owing(*amounts: int) -> list[Invoice]:
    """Open invoices, as the database computes what is owed on them."""
    invoices = []
    for number, amount in enumerate(amounts, 1):
        invoice = Invoice(id=uuid4(), number=f"2026-{number:06d}")
        invoice.owed = amount
        invoices.append(invoice)
    return invoices


def amounts(parts: Sequence[tuple[Invoice, int]]) -> list[int]:
    return [part for _, part in parts]


@given(amount=AMOUNTS, debts=DEBTS)
@pytest.mark.parametrize("spread", [oldest_first, in_proportion])
def test_the_parts_come_to_the_payment_or_to_all_that_is_owed(spread, amount, debts) -> None:
    parts = spread(amount, owing(*debts))
    assert sum(amounts(parts)) == min(amount, sum(debts))
    assert all(0 < part <= invoice.owed for invoice, part in parts)


@given(amount=AMOUNTS, debts=DEBTS)
def test_a_share_is_never_off_by_a_whole_minor_unit(amount, debts) -> None:
    paid, whole = min(amount, sum(debts)), sum(debts)
    given_to = dict(in_proportion(amount, found := owing(*debts)))
    assert all(abs(given_to.get(one, 0) * whole - paid * one.owed) < whole for one in found)


def test_equal_remainders_go_to_the_invoice_that_is_due_first() -> None:
    assert amounts(in_proportion(100, owing(1_000, 1_000, 1_000))) == [34, 33, 33]


def test_named_parts_are_kept_as_they_are_and_leave_the_rest_unapplied() -> None:
    first, second = owing(5_000, 8_000)
    parts = as_named({second.id: 3_000, first.id: 1_000})(10_000, [first, second])
    assert parts == [(first, 1_000), (second, 3_000)]


@pytest.mark.parametrize(("part", "reason"), [(5_001, "more than 2026-000001 owes"), (0, "more than zero")])
def test_a_named_part_that_its_invoice_can_t_take_is_refused(part: int, reason: str) -> None:
    [invoice] = owing(5_000)
    with pytest.raises(Invalid, match=reason):
        as_named({invoice.id: part})(10_000, [invoice])


def test_parts_beyond_the_payment_and_invoices_of_others_are_refused() -> None:
    [invoice] = owing(5_000)
    with pytest.raises(Invalid, match="more than the payment"):
        as_named({invoice.id: 5_000})(4_999, [invoice])
    with pytest.raises(Invalid, match="owes nothing"):
        as_named({uuid4(): 100})(4_999, [invoice])


def test_one_invoice_alone_takes_no_more_than_it_owes() -> None:
    first, second = owing(5_000, 8_000)
    assert only(second)(9_000, [first, second]) == [(second, 8_000)]
