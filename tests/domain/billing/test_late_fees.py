"""What being late costs: once, by the most specific rule, never while a payment is under way."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from tests import factories
from tests.processor import fresh
from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import db, new_id, transaction
from webapp.domain import ledger
from webapp.domain.billing import adjusting, adjustment_effect, explaining, late_fee_charging, undoing
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import AdjustmentKind
from webapp.domain.billing.invoice import Invoice, InvoiceLine, LineKind
from webapp.domain.billing.late_fee_rules import due
from webapp.domain.billing.late_fees import LateFee, LateFeeRun, LateFeeSource
from webapp.domain.billing.run import BillingRun, RunState
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.billing.settings import DuesSettings, LateFeeKind
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code, JournalEntry
from webapp.domain.organizations import Organization

DUE = date(2026, 7, 31)
LATE = DUE + timedelta(days=16)


def charge(organization: Organization, on: date = LATE) -> int:
    with transaction():
        run = late_fee_charging.charge(organization, on)
        return run.fees if run else 0


def set_dues(**values: Any) -> None:
    with transaction():
        settings = DuesSettings.here().first()
        assert settings is not None
        settings.change(by=None, **values)


def override(invoice: Invoice, **rule: Any) -> None:
    with transaction():
        schedule = fresh_schedule(invoice)
        for name, value in rule.items():
            setattr(schedule, f"late_fee_{name}", value)


def fresh_schedule(invoice: Invoice) -> AssessmentSchedule:
    return AssessmentSchedule.here().get(invoice.schedule_id)


def fee_of(invoice: Invoice) -> LateFee | None:
    db.session.rollback()
    return LateFee.here().first(LateFee.invoice_id == invoice.id)


def waive(invoice: Invoice, amount: int) -> None:
    with transaction():
        held = Invoice.here().get(invoice.id, lock=True)
        adjusting.adjust(held, Change(AdjustmentKind.WAIVER, amount, "Hard year"), by=None, on=LATE)


def test_without_any_rule_it_costs_25_units_from_the_sixteenth_day_on(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)

    assert charge(organization, DUE + timedelta(days=15)) == 0
    assert charge(organization, DUE + timedelta(days=16)) == 1

    after = fresh(Invoice, invoice.id)
    assert (after.billed, after.owed, after.status) == (12_500, 12_500, InvoiceStatus.OVERDUE)
    fee = fee_of(invoice)
    assert fee is not None
    assert (fee.amount, fee.owed, fee.source, fee.after_days) == (2_500, 10_000, LateFeeSource.STANDARD, 15)


def test_it_has_an_entry_of_its_own_to_late_fee_income(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)

    charge(organization)

    fee = fee_of(invoice)
    assert fee is not None
    [entry] = JournalEntry.here().all(JournalEntry.source_id == fee.id)
    [move] = ledger.moves_of(entry)
    assert (entry.event, entry.dated) == (ledger.Event.LATE_FEE, LATE)
    assert (move.debit.account, move.credit.account, move.amount) == (
        Code.RECEIVABLE, Code.LATE_FEE_INCOME, 2_500,
    )  # fmt: skip
    assert ledger.member_balance(invoice.member_id, Code.RECEIVABLE) == 12_500


@pytest.mark.case("K9")
def test_however_often_it_runs_an_invoice_is_charged_once(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)

    assert [charge(organization, LATE + timedelta(days=days)) for days in (0, 0, 1, 30)] == [1, 0, 0, 0]

    assert fresh(Invoice, invoice.id).billed == 12_500
    assert len(LateFeeRun.here().all()) == 1


@pytest.mark.case("K9")
def test_a_key_refuses_a_second_fee_of_an_invoice(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)
    charge(organization)
    fee = fee_of(invoice)
    assert fee is not None
    columns = [column.name for column in LateFee.__table__.columns]
    again = {name: getattr(fee, name) for name in columns} | {"id": new_id()}

    with pytest.raises(IntegrityError, match="uq_late_fees"), transaction() as session:
        session.execute(insert(LateFee).values(**again))


@pytest.mark.case("K9", "F26")
def test_two_nights_at_once_charge_once(application: Flask, organization: Organization) -> None:
    invoices = [factories.make_invoice(10_000) for _ in range(3)]
    db.session.rollback()
    here = organization.id

    def night(_: int) -> int:
        with application.app_context():
            tenancy.enter(here)
            with transaction() as session:
                run = late_fee_charging.charge(session.get_one(Organization, here), LATE)
                return run.fees if run else 0

    with ThreadPoolExecutor(4) as hands:
        counts = list(hands.map(night, range(4)))

    assert sorted(counts) == [0, 0, 0, 3]
    assert [fresh(Invoice, one.id).billed for one in invoices] == [12_500] * 3


@pytest.mark.parametrize(
    ("amount", "percent", "maximum", "fee"),
    [
        (10_000, "5", None, 500),
        (10_000, "0.125", None, 13),
        (10_010, "0.5", None, 50),
        (99_999, "10", 5_000, 5_000),
        (100, "0.1", None, None),
    ],
)
def test_a_part_of_what_is_owed_is_rounded_half_up_and_never_over_the_maximum(
    organization: Organization, amount: int, percent: str, maximum: int | None, fee: int | None
) -> None:
    set_dues(late_fee_kind=LateFeeKind.PERCENT, late_fee_percent=Decimal(percent), late_fee_maximum=maximum)
    invoice = factories.make_invoice(amount)

    charge(organization)

    charged = fee_of(invoice)
    assert (charged.amount if charged else None) == fee


def test_the_most_specific_rule_counts(organization: Organization) -> None:
    set_dues(late_fee_kind=LateFeeKind.FLAT, late_fee_amount=1_000, late_fee_after_days=5)
    own, usual, spared = (factories.make_invoice(10_000) for _ in range(3))
    override(own, kind=LateFeeKind.PERCENT, percent=Decimal(20), maximum=1_500, after_days=2)
    override(spared, kind=LateFeeKind.NONE)

    assert charge(organization, DUE + timedelta(days=3)) == 1
    assert charge(organization, DUE + timedelta(days=6)) == 1

    fees = {one: fee_of(one) for one in (own, usual, spared)}
    assert [(fee.amount, fee.source) if fee else None for fee in fees.values()] == [
        (1_500, LateFeeSource.SCHEDULE),
        (1_000, LateFeeSource.ORGANIZATION),
        None,
    ]


def test_none_while_a_payment_that_takes_days_is_under_way(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)
    with transaction():
        Invoice.here().get(invoice.id, lock=True).set_processing(True)
    assert charge(organization) == 0

    with transaction():
        Invoice.here().get(invoice.id, lock=True).set_processing(False)
    assert charge(organization, LATE + timedelta(days=3)) == 1


def test_none_where_nothing_is_owed_and_none_for_what_was_due_before_fees_began(
    organization: Organization,
) -> None:
    set_dues(late_fees_since=DUE + timedelta(days=1))
    factories.make_invoice(10_000)
    waived = factories.make_invoice(10_000, due_on=DUE + timedelta(days=2))
    waive(waived, 10_000)
    charged = factories.make_invoice(10_000, due_on=DUE + timedelta(days=1))

    assert charge(organization, DUE + timedelta(days=60)) == 1
    assert fee_of(charged) is not None


def test_a_night_of_closed_books_leaves_its_fees_to_the_next_one(organization: Organization) -> None:
    factories.make_invoice(10_000)
    with transaction():
        ledger.close_span(LATE, LATE, by=None)

    assert [charge(organization, LATE), charge(organization, LATE + timedelta(days=1))] == [0, 1]


def test_the_member_can_read_why(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)
    override(invoice, kind=LateFeeKind.PERCENT, percent=Decimal("2.5"), maximum=5_000, after_days=1)

    charge(organization)

    db.session.rollback()
    line = db.session.scalars(
        InvoiceLine.here()
        .select(InvoiceLine.invoice_id == invoice.id, InvoiceLine.kind == LineKind.LATE_FEE)
        .options(joinedload(InvoiceLine.reason))
    ).one()
    assert line.position == 2
    assert line.description == "Late fee, August 16, 2026"
    assert explaining.why(line) == [
        "An invoice that is unpaid more than 1 day after its due date costs 2.5% of what was left to pay,"
        " at most $50.00, once.",
        f"So “{fresh_schedule(invoice).name}” says.",
    ]


def test_who_asks_the_audit_trail_learns_how_many_and_how_much(organization: Organization) -> None:
    for _ in range(2):
        factories.make_invoice(10_000)

    charge(organization)

    [noted] = AuditEntry.here().all(AuditEntry.action == "late fees charged")
    assert (noted.by_name, noted.after) == ("Duesbook", {"fees": 2, "amount": 5_000})


@pytest.mark.parametrize(
    ("goes_along", "waived", "owed"), [(True, 10_000, 0), (True, 9_999, 2_501), (False, 10_000, 2_500)]
)
def test_the_fee_goes_with_its_invoice_if_the_organization_says_so(
    organization: Organization, goes_along: bool, waived: int, owed: int
) -> None:
    set_dues(late_fee_goes_with_waiver=goes_along)
    invoice = factories.make_invoice(10_000)
    charge(organization)
    seen = adjustment_effect.preview(
        fresh(Invoice, invoice.id), Change(AdjustmentKind.WAIVER, waived, "Hard year")
    )

    waive(invoice, waived)

    assert (seen.owed_after, fresh(Invoice, invoice.id).owed) == (owed, owed)


def test_voiding_an_invoice_takes_its_fee_back_too(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)
    charge(organization)

    with transaction():
        Invoice.here().get(invoice.id, lock=True).void(by=None, reason="Never a member", on=LATE)

    assert ledger.member_balance(invoice.member_id, Code.RECEIVABLE) == 0
    assert charge(organization, LATE + timedelta(days=1)) == 0


def test_a_run_that_is_undone_takes_its_fees_back_too(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)
    charge(organization)
    second = factories.make_login()
    assert invoice.run_id is not None

    with transaction():
        undoing.request(BillingRun.here().get(invoice.run_id, lock=True), by=second, reason="Wrong amount")
    with transaction():
        assert undoing.undo(invoice.run_id) == 1

    db.session.rollback()
    assert BillingRun.open(invoice.run_id).state is RunState.UNDONE
    assert ledger.member_balance(invoice.member_id, Code.RECEIVABLE) == 0


def test_a_fee_is_never_changed_or_deleted(organization: Organization) -> None:
    factories.make_invoice(10_000)
    charge(organization)

    with pytest.raises(Exception, match=r"permission denied|append-only"), transaction() as session:
        session.execute(update(LateFee).values(amount=1))


def test_what_is_due_is_known_before_it_is_charged(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)

    [foreseen] = db.session.execute(due(organization, LATE)).all()
    charge(organization)

    assert (foreseen.invoice_id, foreseen.amount) == (invoice.id, 2_500)
    assert db.session.execute(due(organization, LATE)).all() == []


def test_a_fee_line_is_one_of_the_invoices_lines(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)

    charge(organization)

    fee = fee_of(invoice)
    assert fee is not None
    line: UUID = fee.line_id
    assert db.session.get_one(InvoiceLine, (organization.id, line)).amount == fee.amount
