"""Refunds that officers ask for: who released them, which way they go, and what they hold of their payment."""

import sqlalchemy as sa
from alembic import op

from migrations.choices import also_allow
from migrations.protection import protect

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _payments()
    _refunds()
    _parts()
    _fill_in()
    also_allow("mails", "kind", "mailkind", "refund")


def _payments() -> None:
    op.add_column("payments", sa.Column("reserved", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint(
        op.f("ck_payments_never_gives_back_more_than_came_in"),
        "payments",
        "reserved >= 0 AND returned + reserved <= amount",
    )


def _refunds() -> None:
    how = sa.Enum("original", "check", name="how", native_enum=False, create_constraint=True, length=40)
    op.alter_column("refunds", "payment_id", nullable=True)
    for column in (
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("chapter_id", sa.Uuid(), nullable=True),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("how", how, server_default="original", nullable=False),
        sa.Column("check_number", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("needs_approval", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("released_by_id", sa.Uuid(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("refunds", column)
    for table in ("members", "chapters", "invoices"):
        column = f"{table.removesuffix('s')}_id"
        op.create_foreign_key(
            op.f(f"fk_refunds_organization_id_{column}"),
            "refunds",
            table,
            ["organization_id", column],
            ["organization_id", "id"],
        )
    op.create_foreign_key(op.f("fk_refunds_released_by_id"), "refunds", "logins", ["released_by_id"], ["id"])
    also_allow("refunds", "state", "refundstate", "requested", "released", "denied", "withdrawn")
    for name, condition in (
        ("original_method_has_a_payment", "how <> 'original' OR payment_id IS NOT NULL"),
        ("four_eyes", "NOT needs_approval OR released_by_id <> requested_by_id"),
        (
            "released_by_somebody",
            "NOT needs_approval OR released_by_id IS NOT NULL"
            " OR state IN ('requested', 'denied', 'withdrawn')",
        ),
    ):
        op.create_check_constraint(op.f(f"ck_refunds_{name}"), "refunds", condition)
    op.create_index(
        "ix_refunds_invoice",
        "refunds",
        ["organization_id", "invoice_id"],
        postgresql_where="invoice_id IS NOT NULL",
    )
    op.create_index("ix_refunds_chapter", "refunds", ["organization_id", "chapter_id", "id"])


def _parts() -> None:
    op.create_table(
        "refund_parts",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reinstated", sa.Boolean(), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_parts_amount_is_positive")),
        sa.ForeignKeyConstraint(
            ["organization_id", "invoice_id"],
            ["invoices.organization_id", "invoices.id"],
            name=op.f("fk_refund_parts_organization_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "refund_id"],
            ["refunds.organization_id", "refunds.id"],
            name=op.f("fk_refund_parts_organization_id_refund_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_refund_parts")),
    )
    op.create_index("ix_refund_parts_refund", "refund_parts", ["organization_id", "refund_id"])
    op.create_index("ix_refund_parts_invoice", "refund_parts", ["organization_id", "invoice_id"])
    protect("refund_parts")


def _fill_in() -> None:
    """What is there already: whose it is, what is under way, and which invoice each came out of."""
    tables = ("refunds", "refund_parts", "payments", "allocations", "journal_entries", "postings", "accounts")
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        """UPDATE refunds SET member_id = payments.member_id, chapter_id = payments.chapter_id
        FROM payments
        WHERE payments.organization_id = refunds.organization_id AND payments.id = refunds.payment_id"""
    )
    op.execute(
        """UPDATE payments SET reserved = held.amount FROM (
            SELECT organization_id, payment_id, sum(amount) AS amount FROM refunds
            WHERE state = 'pending' GROUP BY organization_id, payment_id
        ) AS held
        WHERE held.organization_id = payments.organization_id AND held.payment_id = payments.id"""
    )
    op.execute(
        """INSERT INTO refund_parts (organization_id, id, refund_id, invoice_id, amount, reinstated)
        SELECT refunds.organization_id, gen_random_uuid(), refunds.id, settled.invoice_id,
            booked.amount, false
        FROM refunds
        JOIN LATERAL (
            SELECT sum(postings.amount)::bigint AS amount FROM journal_entries
            JOIN postings ON postings.organization_id = journal_entries.organization_id
                AND postings.entry_id = journal_entries.id
            JOIN accounts ON accounts.organization_id = postings.organization_id
                AND accounts.id = postings.debit_account_id AND accounts.code = '4910'
            WHERE journal_entries.organization_id = refunds.organization_id
                AND journal_entries.source_id = refunds.id AND journal_entries.event = 'refund'
        ) AS booked ON booked.amount > 0
        JOIN LATERAL (
            SELECT invoice_id FROM allocations
            WHERE allocations.organization_id = refunds.organization_id
                AND allocations.payment_id = refunds.payment_id
            ORDER BY allocations.id DESC LIMIT 1
        ) AS settled ON true
        WHERE refunds.state = 'succeeded'"""
    )
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
