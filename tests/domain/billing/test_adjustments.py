"""What changes the amount that is owed: its kinds, what they write into the books, when they are refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import joinedload

from tests import factories
from tests.processor import Shop, fresh
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain import ledger
from webapp.domain.approvals import Action
from webapp.domain.billing import adjusting, adjustment_effect, explaining
from webapp.domain.billing.adjustment_effect import Change
from webapp.domain.billing.adjustments import Adjustment, AdjustmentKind, AdjustmentState, Direction
from webapp.domain.billing.invoice import Invoice, InvoiceLine
from webapp.domain.billing.status import InvoiceStatus
from webapp.domain.ledger import Code, JournalEntry
from webapp.domain.organizations import Login, Organization, RoleName
from webapp.domain.payments.checkout import Checkout, CheckoutState
from webapp.domain.reporting.verification import books as verification

TODAY = date(2026, 7, 10)
REASON = "Decided by the board"


def adjusted(
    invoice: Invoice, kind: AdjustmentKind, amount: int, *, raises: bool = False, by: Login | None = None
) -> Adjustment:
    change = Change(kind, amount, REASON, Direction.RAISES if raises else None)
    with transaction():
        return adjusting.adjust(Invoice.here().get(invoice.id, lock=True), change, by=by, on=TODAY)


def moved(source_id: UUID) -> tuple[str, list[tuple[str, str, int]]]:
    entry = db.session.scalars(JournalEntry.here().select(JournalEntry.source_id == source_id)).one()
    moves = ledger.moves_of(entry)
    return entry.event.value, [(move.debit.account, move.credit.account, move.amount) for move in moves]


TABLE = [
    (AdjustmentKind.WAIVER, False, "adjustment", "4900", "1200"),
    (AdjustmentKind.CREDIT, False, "adjustment", "4900", "1200"),
    (AdjustmentKind.HARDSHIP, False, "adjustment", "4900", "1200"),
    (AdjustmentKind.OTHER, False, "adjustment", "4900", "1200"),
    (AdjustmentKind.CORRECTION, False, "adjustment", "4010", "1200"),
    (AdjustmentKind.CORRECTION, True, "adjustment", "1200", "4010"),
    (AdjustmentKind.FEE, True, "adjustment", "1200", "4030"),
    (AdjustmentKind.WRITE_OFF, False, "write_off", "6200", "1200"),
]


@pytest.mark.case("K31", "K29")
@pytest.mark.parametrize(("kind", "raises", "event", "debit", "credit"), TABLE)
def test_each_kind_is_posted_as_the_table_says_and_moves_the_debt_the_way_it_says(
    organization: Organization, kind: AdjustmentKind, raises: bool, event: str, debit: str, credit: str
) -> None:
    invoice = factories.make_invoice(10_000)

    adjustment = adjusted(invoice, kind, 2_500, raises=raises)

    assert moved(adjustment.id) == (event, [(debit, credit, 2_500)])
    assert fresh(Invoice, invoice.id).owed == (12_500 if raises else 7_500)
    assert ledger.member_balance(invoice.member_id, Code.RECEIVABLE) == (12_500 if raises else 7_500)


def test_the_preview_says_what_then_happens(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)
    change = Change(AdjustmentKind.WAIVER, 4_000, REASON)

    before = adjustment_effect.preview(invoice, change)
    adjustment = adjusted(invoice, AdjustmentKind.WAIVER, 4_000)

    assert (before.owed_before, before.owed_after) == (10_000, fresh(Invoice, invoice.id).owed)
    [entry] = JournalEntry.here().all(JournalEntry.source_id == adjustment.id)
    assert ledger.moves_of(entry) == list(before.moves)


@pytest.mark.parametrize(
    ("kind", "amount", "status"),
    [
        (AdjustmentKind.WAIVER, 10_000, InvoiceStatus.WAIVED),
        (AdjustmentKind.WRITE_OFF, 10_000, InvoiceStatus.WAIVED),
        (AdjustmentKind.WAIVER, 1, InvoiceStatus.OPEN),
        (AdjustmentKind.FEE, 1, InvoiceStatus.OPEN),
    ],
)
def test_the_status_follows_from_the_sums(
    organization: Organization, kind: AdjustmentKind, amount: int, status: InvoiceStatus
) -> None:
    invoice = factories.make_invoice(10_000)
    adjusted(invoice, kind, amount)
    assert fresh(Invoice, invoice.id).status is status


def test_what_was_paid_and_waived_together_is_paid_and_a_fee_makes_it_owed_again(
    organization: Organization,
) -> None:
    invoice = factories.make_invoice(10_000)
    with transaction():
        adjusting.adjust(
            fresh(Invoice, invoice.id), Change(AdjustmentKind.WAIVER, 10_000, REASON), by=None, on=TODAY
        )
    adjusted(invoice, AdjustmentKind.FEE, 3_000)
    found = fresh(Invoice, invoice.id)
    assert (found.status, found.owed, found.billed) == (InvoiceStatus.OPEN, 3_000, 13_000)


def test_what_is_added_is_a_line_that_answers_why(organization: Organization) -> None:
    admin, invoice = factories.make_admin(), factories.make_invoice(10_000)
    factories.allow_alone(RoleName.NATIONAL_ADMIN, Action.ADJUSTMENT, 3_000)
    adjustment = adjusted(invoice, AdjustmentKind.FEE, 3_000, by=admin)

    line = db.session.scalars(
        InvoiceLine.here()
        .select(InvoiceLine.id == adjustment.line_id)
        .options(joinedload(InvoiceLine.reason))
    ).one()

    assert (line.position, line.description, line.amount) == (2, "Fee", 3_000)
    assert explaining.why(line) == [REASON, "Added on July 10, 2026 by Nora Admin."]


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        (Change(AdjustmentKind.WAIVER, 10_001, REASON), "amount", "Only $100.00 is still owed"),
        (Change(AdjustmentKind.WAIVER, 0, REASON), "amount", "above zero"),
        (Change(AdjustmentKind.FEE, -5, REASON), "amount", "above zero"),
        (Change(AdjustmentKind.WAIVER, 5, " "), "reason", "Say why"),
        (Change(AdjustmentKind.WAIVER, 5, "x" * 501), "reason", "500 characters"),
        (Change(AdjustmentKind.WAIVER, 5, REASON, Direction.RAISES), "direction", "can't do that"),
        (Change(AdjustmentKind.FEE, 5, REASON, Direction.LOWERS), "direction", "can't do that"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence_at_its_field(
    organization: Organization, change: Change, field: str, sentence: str
) -> None:
    invoice = factories.make_invoice(10_000)
    with pytest.raises(Invalid) as refusal, transaction():
        adjusting.adjust(Invoice.here().get(invoice.id, lock=True), change, by=None, on=TODAY)
    assert sentence in refusal.value.fields[field]
    assert Adjustment.here().all() == []


def test_a_void_invoice_is_not_adjusted(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)
    with transaction():
        fresh(Invoice, invoice.id).void(by=None, reason="Billed by mistake", on=TODAY)
    with pytest.raises(Conflict, match="is void"):
        adjusted(invoice, AdjustmentKind.FEE, 100)


@pytest.mark.case("K24")
def test_an_invoice_that_was_waived_is_not_billed_again(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)
    adjusted(invoice, AdjustmentKind.WAIVER, 10_000)
    found = db.session.get_one(Invoice, (organization.id, invoice.id))
    schedule, period = found.schedule_id, found.period_id

    factories.bill(
        db.session.get_one(factories.BillingPeriod, (organization.id, period)),
        db.session.get_one(factories.AssessmentSchedule, (organization.id, schedule)),
    )

    assert [one.id for one in Invoice.here().all()] == [invoice.id]


def test_voiding_takes_back_whatever_stands_in_the_books_about_it(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)
    adjusted(invoice, AdjustmentKind.WAIVER, 2_000)
    adjusted(invoice, AdjustmentKind.FEE, 500)
    adjusted(invoice, AdjustmentKind.WRITE_OFF, 1_000)

    with transaction():
        fresh(Invoice, invoice.id).void(by=None, reason="Billed by mistake", on=TODAY)

    held = [Code.RECEIVABLE, Code.WAIVERS, Code.BAD_DEBT, Code.OTHER_INCOME, Code.ASSESSMENT_INCOME]
    assert [ledger.chapter_balance(invoice.chapter_id, code) for code in held] == [0, 0, 0, 0, 0]
    assert fresh(Invoice, invoice.id).entries() == []


@pytest.mark.case("K28")
def test_a_payment_page_that_asks_for_the_old_amount_is_closed(shop: Shop) -> None:
    invoice = shop.owed()
    checkout = shop.open(invoice)
    adjusted(invoice, AdjustmentKind.WAIVER, 10_000)
    shop.work()
    assert fresh(Checkout, checkout.id).state is CheckoutState.CLOSED


@pytest.mark.case("K20")
def test_two_adjustments_at_once_never_take_off_more_than_is_owed(
    app: Flask, organization: Organization
) -> None:
    invoice_id = factories.make_invoice(10_000).id
    change = Change(AdjustmentKind.WAIVER, 6_000, REASON)

    def waive(_: int) -> bool:
        with app.app_context(), tenancy.acting_for(organization.id):
            try:
                with transaction():
                    adjusting.adjust(Invoice.here().get(invoice_id, lock=True), change, by=None, on=TODAY)
            except Invalid:
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(waive, range(8)))

    assert sum(done) == 1
    assert fresh(Invoice, invoice_id).owed == 4_000
    assert [one.state for one in Adjustment.here().all()] == [AdjustmentState.APPROVED]


def test_an_invoice_whose_sums_are_not_those_of_its_adjustments_is_named(organization: Organization) -> None:
    invoice = factories.make_invoice(10_000)
    adjusted(invoice, AdjustmentKind.WAIVER, 2_000)
    with transaction():
        fresh(Invoice, invoice.id).adjusted = 1_999

    found = [one.sentence("USD") for one in verification.verify(organization)]

    assert found[0] == (
        f"Adjusted against its adjustments, invoice {invoice.number}: should be 20.00 USD, is 19.99 USD"
    )
    with transaction():
        fresh(Invoice, invoice.id).adjusted = 2_000
