"""Documents say on which day they count in the books, and from which day they don't any more."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_DAYS = {
    "invoices": ("voided_on",),
    "adjustments": ("effective_on",),
    "payments": ("reversed_on",),
    "allocations": ("allocated_on", "undone_on"),
    "credit_notes": ("withdrawn_on",),
    "credit_applications": ("applied_on", "undone_on"),
    "refunds": ("booked_on", "taken_back_on"),
    "dispute_entries": ("booked_on",),
}
_READ = (*_DAYS, "journal_entries", "postings", "accounts", "refund_parts", "disputes")


def upgrade() -> None:
    for table, columns in _DAYS.items():
        for column in columns:
            op.add_column(table, sa.Column(column, sa.Date(), nullable=True))
    op.add_column("dispute_entries", sa.Column("taken", sa.BigInteger(), nullable=True))
    for table in _READ:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for statement in BACKFILL:
        op.execute(statement)
    for table in _READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _day_of_entry(
    table: str, column: str, *events: str, reverses: bool = False, state: str | None = None
) -> sa.Update:
    """From the document's own entry in the journal. It has at most one such entry, but an invoice that is
    voided: those are of one day."""
    own = sa.table(table, *(sa.column(name) for name in ("organization_id", "id", "state", column)))
    columns = ("organization_id", "source_id", "event", "dated", "reverses_id")
    entry = sa.table("journal_entries", *(sa.column(name) for name in columns))
    mine = entry.c.organization_id == own.c.organization_id, entry.c.source_id == own.c.id
    turned = entry.c.reverses_id.is_not(None) if reverses else entry.c.reverses_id.is_(None)
    found = sa.update(own).where(*mine, entry.c.event.in_(events), turned)
    return (found.where(own.c.state == state) if state else found).values({column: entry.c.dated})


_ENTRIES = (
    _day_of_entry("adjustments", "effective_on", "adjustment", "write_off"),
    _day_of_entry("payments", "reversed_on", "reversal", reverses=True, state="reversed"),
    _day_of_entry("allocations", "allocated_on", "payment_allocated"),
    _day_of_entry("allocations", "undone_on", "allocation_undone"),
    _day_of_entry("credit_notes", "withdrawn_on", "reversal", reverses=True, state="withdrawn"),
    _day_of_entry("credit_applications", "applied_on", "credit_note_applied"),
    _day_of_entry("credit_applications", "undone_on", "reversal", reverses=True),
    _day_of_entry("refunds", "booked_on", "refund", "credit_note_released"),
    _day_of_entry("refunds", "taken_back_on", "reversal", reverses=True),
    _day_of_entry("dispute_entries", "booked_on", "dispute_moved", "dispute_lost", "dispute_regained"),
    _day_of_entry("invoices", "voided_on", "reversal", "invoice_voided", reverses=True),
)

_BEGUN = """UPDATE allocations AS a
    SET allocated_on = (a.allocated_at AT TIME ZONE o.timezone)::date
    FROM organizations AS o
    WHERE o.id = a.organization_id AND a.allocated_on IS NULL AND (
        EXISTS (SELECT FROM allocations AS b
            WHERE b.organization_id = a.organization_id AND b.payment_id = a.payment_id
                AND b.undone_at = a.allocated_at)
        OR EXISTS (SELECT FROM refund_parts AS r
            WHERE r.organization_id = a.organization_id AND r.invoice_id = a.invoice_id
                AND r.taken_back_at = a.allocated_at)
        OR EXISTS (SELECT FROM disputes AS d
            JOIN dispute_entries AS e ON e.organization_id = d.organization_id AND e.dispute_id = d.id
            WHERE d.organization_id = a.organization_id AND d.payment_id = a.payment_id
                AND e.kind = 'regained' AND e.created_at = a.allocated_at))"""
"""The rest of one that shrank, and what a failed refund or a regained dispute brought back: made together
with that, in the same transaction."""

_RECEIVED = """UPDATE allocations AS a SET allocated_on = p.received_on
    FROM payments AS p
    WHERE p.organization_id = a.organization_id AND p.id = a.payment_id AND a.allocated_on IS NULL"""
"""All others came with the payment itself."""

_UNDONE = """UPDATE allocations AS a SET undone_on = (a.undone_at AT TIME ZONE o.timezone)::date
    FROM organizations AS o
    WHERE o.id = a.organization_id AND a.undone_on IS NULL AND a.undone_at IS NOT NULL"""

_VOIDED = """UPDATE invoices AS a SET voided_on = (a.voided_at AT TIME ZONE o.timezone)::date
    FROM organizations AS o
    WHERE o.id = a.organization_id AND a.voided_on IS NULL AND a.voided_at IS NOT NULL"""

_TAKEN = """UPDATE dispute_entries AS d SET taken = coalesce((
        SELECT sum(CASE WHEN debit.code IN ('1200', '2100', '2110') THEN p.amount ELSE 0 END
            - CASE WHEN credit.code IN ('1200', '2100', '2110') THEN p.amount ELSE 0 END)
        FROM journal_entries AS e
        JOIN postings AS p ON p.organization_id = e.organization_id AND p.entry_id = e.id
        JOIN accounts AS debit
            ON debit.organization_id = p.organization_id AND debit.id = p.debit_account_id
        JOIN accounts AS credit
            ON credit.organization_id = p.organization_id AND credit.id = p.credit_account_id
        WHERE e.organization_id = d.organization_id AND e.source_id = d.id), 0)"""

BACKFILL = (*_ENTRIES, _BEGUN, _RECEIVED, _UNDONE, _VOIDED, _TAKEN)
"""The journal first; what has no entry of its own follows from the rest."""
