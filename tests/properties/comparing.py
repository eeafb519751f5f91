"""The real organization beside the books that are kept by hand: where they differ, one of them is wrong."""

from typing import Any
from uuid import UUID

from tests import factories
from tests.properties.documents import CREDIT, KEPT_BY_PERSON
from tests.properties.office import Office
from webapp.core.db import db
from webapp.domain import ledger
from webapp.domain.plans import following


def check(office: Office) -> None:
    """Its documents and its books: both sides say the same, and each by itself makes sense."""
    db.session.rollback()
    assert _invoices(office) == _bills(office)
    assert _payments(office) == _receipts(office)
    assert _plans(office) == _agreements(office)
    assert _credit_notes(office) == sorted(
        (note.person, note.chapter, note.amount) for note in office.books.notes if note.is_open
    )
    _check_what_went_back(office)
    _check_balances(office)
    _check_numbers(office)
    factories.verify_books(office.organization())
    db.session.rollback()


def _bills(office: Office) -> dict[str, tuple[Any, ...]]:
    return {
        bill.number: (
            bill.person, bill.chapter, bill.amount, bill.adjusted, bill.paid, bill.refunded, bill.owed,
            bill.chapter_part, bill.status(office.books.today), office.books.is_under_way(bill),
            office.books.is_on_plan(bill), bill.issued_on, bill.due_on, bill.grace_until,
        )
        for bill in office.books.bills.values()
    }  # fmt: skip


def _invoices(office: Office) -> dict[str, tuple[Any, ...]]:
    rows = office.rows(
        "SELECT i.number, m.number, c.code, i.billed, i.adjusted, i.paid, i.refunded, i.owed,"
        " i.chapter_part, i.status, i.processing, i.on_plan, i.issued_on, i.due_on, i.grace_ends_on"
        " FROM invoices i JOIN members m ON m.id = i.member_id JOIN chapters c ON c.id = i.chapter_id"
        " WHERE i.organization_id = :here"
    )
    return {row[0]: tuple(row[1:]) for row in rows}


def _agreements(office: Office) -> dict[Any, tuple[Any, ...]]:
    return {
        plan.plan_id: (plan.state, [(step.due.day, step.interest, step.owed) for step in plan.steps()])
        for plan in office.books.plans
    }


def _plans(office: Office) -> dict[Any, tuple[Any, ...]]:
    rows = office.rows("SELECT id, state FROM payment_plans WHERE organization_id = :here")
    steps = following.steps_of([row.id for row in rows])
    return {
        row.id: (row.state, [(step.due_on, step.interest, step.owed) for step in steps.get(row.id, [])])
        for row in rows
    }


def _receipts(office: Office) -> list[tuple[Any, ...]]:
    return sorted(
        (
            one.person, one.chapter, one.amount, one.day, -1 if one.fee is None else one.fee,
            sum(part.amount for part in one.parts), one.returned, one.credit, 0,
            sorted({part.bill.number: one.settles(part.bill) for part in one.parts}.items()),
        )
        for one in office.books.receipts
    )  # fmt: skip


def _payments(office: Office) -> list[tuple[Any, ...]]:
    rows = office.rows(
        "SELECT p.id, m.number, c.code, p.amount, p.received_on, coalesce(p.fee, -1), p.allocated,"
        " p.returned, p.credited, p.unapplied FROM payments p JOIN members m ON m.id = p.member_id"
        " JOIN chapters c ON c.id = p.chapter_id"
        " WHERE p.organization_id = :here AND p.received_on IS NOT NULL"
    )
    parts: dict[UUID, dict[str, int]] = {}
    for payment, number, amount in office.rows(
        "SELECT a.payment_id, i.number, a.amount FROM allocations a"
        " JOIN invoices i ON i.id = a.invoice_id WHERE a.organization_id = :here AND a.undone_at IS NULL"
    ):
        live = parts.setdefault(payment, {})
        live[number] = live.get(number, 0) + amount
    return sorted((*row[1:], sorted(parts.get(row[0], {}).items())) for row in rows)


def _credit_notes(office: Office) -> list[tuple[Any, ...]]:
    rows = office.rows(
        "SELECT m.number, c.code, n.remaining FROM credit_notes n JOIN members m ON m.id = n.member_id"
        " JOIN chapters c ON c.id = n.chapter_id WHERE n.organization_id = :here AND n.remaining > 0"
    )
    return sorted(tuple(row) for row in rows)


def _check_balances(office: Office) -> None:
    chapters = office.rows(
        "SELECT a.code, c.code, b.debits - b.credits FROM chapter_balances b"
        " JOIN accounts a ON a.id = b.account_id LEFT JOIN chapters c ON c.id = b.chapter_id"
        " WHERE b.organization_id = :here AND b.debits <> b.credits"
    )
    assert {(row[0], row[1]): row[2] for row in chapters} == office.books.balances()
    people = office.rows(
        "SELECT a.code, m.number, b.debits - b.credits FROM member_balances b"
        " JOIN accounts a ON a.id = b.account_id JOIN members m ON m.id = b.member_id"
        " WHERE b.organization_id = :here AND b.debits <> b.credits"
    )
    held = {(row[0], row[1]): row[2] for row in people}
    assert held == office.books.people()
    assert {account for account, _ in held} <= set(KEPT_BY_PERSON)
    assert all((amount < 0) is (account == CREDIT) for (account, _), amount in held.items())
    assert ledger.trial_balance(office.books.today).agrees


def _check_what_went_back(office: Office) -> None:
    """Refunds and disputes of a payment together are never more than came in with it."""
    rows = office.rows(
        "SELECT p.returned, p.returned + p.reserved, p.amount,"
        " coalesce((SELECT sum(r.amount) FROM refunds r WHERE r.organization_id = p.organization_id"
        " AND r.payment_id = p.id AND r.state = 'succeeded'), 0)"
        " + coalesce((SELECT sum(d.taken) FROM disputes d WHERE d.organization_id = p.organization_id"
        " AND d.payment_id = p.id), 0)"
        " FROM payments p WHERE p.organization_id = :here AND p.state <> 'reversed'"
    )
    assert all(returned == gone and held <= amount for returned, held, amount, gone in rows)


def _check_numbers(office: Office) -> None:
    """Gapless in every year, and the next one follows the last."""
    for table, counter in (("invoices", "number_counters"), ("credit_notes", "credit_note_counters")):
        years = office.rows(
            f"SELECT year, array_agg(sequence ORDER BY sequence) FROM {table}"
            " WHERE organization_id = :here GROUP BY year"
        )
        counters = office.rows(f"SELECT year, last FROM {counter} WHERE organization_id = :here")
        found = {row[0]: list(row[1]) for row in years}
        assert found == {row[0]: list(range(1, row[1] + 1)) for row in counters}
