"""Where an invoice stands: the plan's table, the same answer from the database, and the diagram of it."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import cast, select

from tests import factories
from tests.processor import fresh
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import status_diagram
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.status import InvoiceStatus, derive_status, status_expression
from webapp.domain.billing.status_diagram import CHANGES, Sums
from webapp.domain.organizations import Organization

GRACE = date(2026, 8, 15)
DOCUMENT = Path(__file__).parents[3] / "docs" / "invoice-status.md"
AMOUNTS = st.integers(0, 6) | st.integers(0, 2**40)
DAYS = st.integers(-3, 3).map(lambda days: date.fromordinal(GRACE.toordinal() + days))


@st.composite
def sums(draw: st.DrawFn) -> dict[str, int]:
    """Whatever the database lets an invoice hold."""
    billed = draw(AMOUNTS)
    adjusted = draw(st.integers(0, billed))
    paid = draw(st.integers(0, billed - adjusted))
    return {"billed": billed, "adjusted": adjusted, "paid": paid, "refunded": draw(st.integers(0, paid))}


@settings(max_examples=400)
@given(sums(), st.booleans(), DAYS)
def test_every_row_of_the_table_holds_for_any_sums(sums: dict[str, int], voided: bool, on: date) -> None:
    status = derive_status(**sums, voided=voided, grace_ends_on=GRACE, on=on)
    owed, late = sums["billed"] - sums["adjusted"] - sums["paid"] > 0, on > GRACE
    paid, refunded = sums["paid"] > 0, sums["refunded"] > 0
    holds = {
        InvoiceStatus.OPEN: not voided and owed and not paid and not late,
        InvoiceStatus.PARTIAL: not voided and owed and paid and not late,
        InvoiceStatus.OVERDUE: not voided and owed and late,
        InvoiceStatus.PAID: not voided and not owed and paid and not refunded,
        InvoiceStatus.WAIVED: not voided and not owed and not paid,
        InvoiceStatus.REFUNDED: not voided and not owed and refunded,
        InvoiceStatus.VOID: voided,
    }
    assert [one for one, true in holds.items() if true] == [status]


@pytest.mark.case("K33")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sums=sums(), voided=st.booleans(), on=DAYS)
def test_the_database_says_the_same(
    organization: Organization, sums: dict[str, int], voided: bool, on: date
) -> None:
    row = select(
        *(cast(value, Invoice.billed.type).label(name) for name, value in sums.items()),
        cast(None, Invoice.status.type).label("status"),
        cast(GRACE if voided else None, Invoice.voided_at.type).label("voided_at"),
        cast(GRACE, Invoice.grace_ends_on.type).label("grace_ends_on"),
    ).subquery()
    said = db.session.scalar(select(status_expression(on, row.c)))
    db.session.rollback()
    assert said is derive_status(**sums, voided=voided, grace_ends_on=GRACE, on=on)


VERBS: dict[str, Any] = {
    "money or credit settles a part": lambda invoice, n: invoice.receive(n, on=GRACE),
    "payment taken back, debt reinstated": lambda invoice, n: invoice.give_back(
        n, on=GRACE, reinstates_debt=True
    ),
    "refund, debt not reinstated": lambda invoice, n: invoice.give_back(n, on=GRACE, reinstates_debt=False),
    "refund fails": lambda invoice, n: invoice.keep_after_all(n, on=GRACE),
    "adjustment or write-off takes off": lambda invoice, n: invoice.take_off(n, on=GRACE),
}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(list(VERBS)), st.integers(1, 10)), max_size=12))
def test_the_diagram_changes_sums_as_an_invoice_does(
    organization: Organization, happened: list[tuple[str, int]]
) -> None:
    invoice = Invoice(
        **{"billed": 10, "adjusted": 0, "paid": 0, "refunded": 0, "grace_ends_on": GRACE, "number": "2026-1"}
    )
    expected = Sums(billed=10)
    for name, amount in happened:
        after = CHANGES[name](expected, amount)
        if after is None:
            with pytest.raises((Invalid, AssertionError)):
                VERBS[name](invoice, amount)
            continue
        VERBS[name](invoice, amount)
        expected = after
        assert (invoice.billed, invoice.adjusted, invoice.paid, invoice.refunded) == (
            expected.billed,
            expected.adjusted,
            expected.paid,
            expected.refunded,
        )
        assert invoice.status is expected.status


def test_void_is_the_end(organization: Organization) -> None:
    assert not [move for move in status_diagram.moves() if move[0] is InvoiceStatus.VOID]
    invoice = factories.make_invoice()
    with transaction():
        fresh(Invoice, invoice.id).void(by=None, reason="Billed by mistake", on=GRACE)
    assert (fresh(Invoice, invoice.id).status, fresh(Invoice, invoice.id).owed) == (InvoiceStatus.VOID, 0)


def test_the_document_is_what_the_command_prints() -> None:
    assert DOCUMENT.read_text() == status_diagram.drawn(), (
        "Run: flask billing status-diagram > docs/invoice-status.md"
    )
