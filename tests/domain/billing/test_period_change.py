"""A billing period changes as long as no invoice states otherwise."""

from datetime import date
from typing import Any

import pytest

from tests import factories
from webapp.core.audit import AuditEntry
from webapp.core.db import transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain.billing import confirming, period_change
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.organizations import MemberStatus, Organization


def change(period: BillingPeriod, **wanted: Any) -> BillingPeriod:
    with transaction():
        found = BillingPeriod.here().get(period.id, lock=True)
        period_change.change(found, by=None, **wanted)
    return found


def test_everything_changes_before_anything_is_billed(organization: Organization) -> None:
    period = factories.make_period()
    changed = change(period, name=" Autumn 2026 ", ends_on=date(2026, 11, 30), due_on=date(2026, 8, 1))
    assert (changed.name, changed.ends_on, changed.due_on) == (
        "Autumn 2026",
        date(2026, 11, 30),
        date(2026, 8, 1),
    )
    [entry] = AuditEntry.here().all(AuditEntry.action == "changed")
    assert entry.before == {"name": "Fall 2026", "ends_on": "2026-12-31", "due_on": "2026-07-31"}
    assert entry.after == {"name": "Autumn 2026", "ends_on": "2026-11-30", "due_on": "2026-08-01"}


def test_once_billed_only_the_due_date_moves_and_only_for_invoices_to_come(
    organization: Organization,
) -> None:
    status = factories.make_status()
    first = factories.make_member(factories.make_chapter(), status).id
    factories.make_rate(status, 40_000)
    period = factories.make_period()
    factories.bill(period)
    with pytest.raises(Invalid) as refused:
        change(period, name="Autumn", starts_on=date(2026, 7, 2), due_on=date(2026, 8, 10))
    assert set(refused.value.fields) == {"name", "starts_on"}
    moved = change(period, name="Fall 2026", due_on=date(2026, 8, 10))
    factories.make_member(factories.make_chapter("BET"), MemberStatus.here().get(status.id))
    factories.bill(moved)
    due = {invoice.member_id: invoice.due_on for invoice in Invoice.here().all()}
    assert due.pop(first) == date(2026, 7, 31)
    assert list(due.values()) == [date(2026, 8, 10)]


def test_a_closed_period_and_one_that_is_being_billed_stay_as_they_are(organization: Organization) -> None:
    closed = factories.make_period("2025-fall", starts_on=date(2025, 7, 1), ends_on=date(2025, 12, 31))
    by = factories.make_admin()
    with transaction():
        BillingPeriod.here().get(closed.id, lock=True).close(by=by, on=organization.today)
    with pytest.raises(Conflict, match="is closed and stays"):
        change(closed, name="Autumn 2025")
    period = factories.make_period()
    with transaction():
        confirming.confirm(organization, factories.standard_schedule(), period, dated=date(2026, 7, 1), by=by)
    with pytest.raises(Conflict, match="being billed right now"):
        change(period, due_on=date(2026, 8, 1))


def test_days_in_the_wrong_order_are_refused_by_field(organization: Organization) -> None:
    period = factories.make_period()
    with pytest.raises(Invalid) as refused:
        change(period, ends_on=date(2026, 6, 1), grace_ends_on=date(2026, 7, 1), name=" ")
    assert set(refused.value.fields) == {"ends_on", "grace_ends_on", "name"}
    assert BillingPeriod.here().get(period.id).ends_on == date(2026, 12, 31)
