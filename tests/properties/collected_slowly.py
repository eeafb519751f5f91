"""What came of the receivables within some days: one document after the other is asked when it counted."""

from collections import defaultdict
from datetime import date
from typing import Any

from tests.properties import owed_slowly
from tests.properties.office import Office
from webapp.domain.reporting.collections import report
from webapp.domain.reporting.collections.figures import Figures, Span
from webapp.domain.reporting.collections.report import By
from webapp.domain.reporting.collections.trend import trend
from webapp.domain.reporting.snapshots import Place

_DOCUMENTS = """
    SELECT 'issued' AS what, i.id AS invoice_id, l.amount, i.issued_on AS since, NULL::date AS until
    FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id
    WHERE l.organization_id = :here AND l.kind NOT IN ('late_fee', 'adjustment', 'plan_interest')
    UNION ALL
    SELECT 'late_fees', f.invoice_id, f.amount, r.charged_on, NULL
    FROM late_fees f JOIN late_fee_runs r ON r.id = f.run_id WHERE f.organization_id = :here
    UNION ALL
    SELECT 'interest', invoice_id, amount, charged_on, NULL FROM payment_plan_interest
    WHERE organization_id = :here
    UNION ALL
    SELECT CASE kind WHEN 'write_off' THEN 'written_off' ELSE 'adjusted' END, invoice_id,
        CASE WHEN direction = 'raises' OR kind = 'write_off' THEN amount ELSE -amount END, effective_on, NULL
    FROM adjustments WHERE organization_id = :here AND state = 'approved'
    UNION ALL
    SELECT 'collected', invoice_id, amount, allocated_on, undone_on FROM allocations
    WHERE organization_id = :here
    UNION ALL
    SELECT 'credited', invoice_id, amount, applied_on, undone_on FROM credit_applications
    WHERE organization_id = :here
    UNION ALL
    SELECT 'forgiven', p.invoice_id, -p.amount, r.booked_on, LEAST(r.taken_back_on, i.voided_on)
    FROM refund_parts p JOIN refunds r ON r.id = p.refund_id JOIN invoices i ON i.id = p.invoice_id
    WHERE p.organization_id = :here AND NOT p.reinstated
    UNION ALL
    SELECT 'voided', id, -(billed - adjusted), voided_on, NULL FROM invoices
    WHERE organization_id = :here AND status = 'void'"""


def check(office: Office, day: date) -> None:
    """Of the month that ends with the day: of all, each chapter, and each billing period; and how it came."""
    span = Span(date.fromordinal(day.toordinal() - 30), day)
    invoices = {row.id: row for row in office.rows("SELECT * FROM invoices WHERE organization_id = :here")}
    whole = report.of(span)
    assert _as_sums(whole) == within(office, span, set(invoices))
    assert whole.opening + whole.billed == whole.closing + _settled(whole)
    for by, key in ((By.CHAPTER, "chapter_id"), (By.PERIOD, "period_id")):
        groups = report.groups(span, by)
        for group in groups:
            its = {one for one, row in invoices.items() if getattr(row, key) == group.id}
            assert _as_sums(group.figures) == within(office, span, its)
        assert sum(group.figures.closing for group in groups) == whole.closing
        assert sum(group.figures.opening for group in groups) == whole.opening
    for point in trend(day, Place())[-2:]:
        month = within(office, Span(point.day.replace(day=1), point.day), set(invoices))
        assert list(point.month.ages) == month["ages"]  # what stood that night may differ since
        assert point.month.collected == month.get("collected", 0)


def _settled(figures: Figures) -> int:
    return figures.collected + figures.credited + figures.written_off


def _as_sums(figures: Figures) -> dict[str, Any]:
    told = {name: value for name, value in vars(figures).items() if name != "span" and value}
    return told | {"ages": list(figures.ages)}


def within(office: Office, span: Span, invoices: set[Any]) -> dict[str, Any]:
    """What is not zero, by its name in `Figures`."""
    sums: dict[str, Any] = defaultdict(int)
    for one in office.rows(_DOCUMENTS):
        if one.invoice_id in invoices:
            begins, ends = (
                when is not None and span.since <= when <= span.until for when in (one.since, one.until)
            )
            sums[one.what] += one.amount * (begins - ends)
    bills = office.rows("SELECT * FROM invoices WHERE organization_id = :here")
    numbers = {row.number: row for row in bills if row.id in invoices}
    before = owed_slowly.on(office, span.day_before)
    sums["opening"] = sum(owed for number, owed in before.items() if number in numbers)
    sums["ages"] = [0] * 5
    for number, owed in owed_slowly.on(office, span.until).items():
        if number in numbers:
            late = (span.until - numbers[number].due_on).days
            sums["ages"][sum(late > limit for limit in (0, 30, 60, 90))] += owed
    return {name: value for name, value in sums.items() if value}
