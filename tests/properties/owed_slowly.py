"""What each invoice owed on a day: one document after the other is asked whether it counted by then."""

from collections import defaultdict
from datetime import date
from typing import Any

from tests.properties.office import Office

_CHARGES = """
    SELECT l.invoice_id, l.amount,
        CASE l.kind WHEN 'late_fee' THEN r.charged_on WHEN 'adjustment' THEN a.effective_on
            WHEN 'plan_interest' THEN p.charged_on ELSE i.issued_on END AS since, NULL::date AS until
    FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id
    LEFT JOIN late_fees f ON f.line_id = l.id LEFT JOIN late_fee_runs r ON r.id = f.run_id
    LEFT JOIN adjustments a ON a.line_id = l.id LEFT JOIN payment_plan_interest p ON p.line_id = l.id
    WHERE l.organization_id = :here"""

_TAKEN_OFF = """
    SELECT invoice_id, amount, effective_on AS since, NULL::date AS until FROM adjustments
    WHERE organization_id = :here AND state = 'approved' AND direction = 'lowers'
    UNION ALL
    SELECT invoice_id, amount, allocated_on, undone_on FROM allocations WHERE organization_id = :here
    UNION ALL
    SELECT invoice_id, amount, applied_on, undone_on FROM credit_applications WHERE organization_id = :here
    UNION ALL
    SELECT p.invoice_id, p.amount, r.booked_on, r.taken_back_on
    FROM refund_parts p JOIN refunds r ON r.id = p.refund_id
    WHERE p.organization_id = :here AND NOT p.reinstated"""


def on(office: Office, day: date) -> dict[str, int]:
    """By number; those that owed nothing are left out, and a void one owes nothing from that day on."""
    owed: dict[Any, int] = defaultdict(int)
    for sign, statement in ((1, _CHARGES), (-1, _TAKEN_OFF)):
        for one in office.rows(statement):
            if one.since <= day and (one.until is None or one.until > day):
                owed[one.invoice_id] += sign * one.amount
    return {
        one.number: owed[one.id]
        for one in office.rows("SELECT id, number, voided_on FROM invoices WHERE organization_id = :here")
        if owed[one.id] and (one.voided_on is None or one.voided_on > day)
    }
