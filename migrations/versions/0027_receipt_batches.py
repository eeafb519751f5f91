"""Batches of payments that came together, and payments that are reversed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.choices import also_allow
from migrations.protection import protect

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_METHODS = (
    "card", "ach_debit", "cash", "check", "bank_transfer", "payroll_deduction", "card_terminal", "wallet", "unknown",
)  # fmt: skip


def _batches() -> None:
    op.create_table(
        "receipt_batches",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=True),
        sa.Column(
            "method",
            sa.Enum(*_METHODS, name="method", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("deposited_on", sa.Date(), nullable=False),
        sa.Column("deposit_reference", sa.Text(), nullable=False),
        sa.Column("expected_count", sa.BigInteger(), nullable=True),
        sa.Column("expected_total", sa.BigInteger(), nullable=True),
        sa.Column("receipts", sa.Boolean(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("file_digest", sa.Text(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "posting",
                "posted",
                name="receiptbatchstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("last_window", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("posted_by_id", sa.Uuid(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "expected_count >= 0 AND expected_total >= 0",
            name=op.f("ck_receipt_batches_expectations_are_not_negative"),
        ),
        sa.CheckConstraint(
            "(state = 'posted') = (posted_at IS NOT NULL)",
            name=op.f("ck_receipt_batches_posted_has_a_moment"),
        ),
        sa.CheckConstraint(
            "state = 'draft' OR deposit_reference <> '' AND expected_count > 0 AND expected_total > 0",
            name=op.f("ck_receipt_batches_posted_as_the_slip_says"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_receipt_batches_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_receipt_batches_organization_id_chapter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["logins.id"], name=op.f("fk_receipt_batches_created_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["posted_by_id"], ["logins.id"], name=op.f("fk_receipt_batches_posted_by_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_receipt_batches")),
    )
    op.create_index("ix_receipt_batches_chapter", "receipt_batches", ["organization_id", "chapter_id", "id"])
    op.create_index(
        "ix_receipt_batches_file",
        "receipt_batches",
        ["organization_id", "file_digest"],
        postgresql_where="file_digest IS NOT NULL",
    )


def _lines() -> None:
    op.create_table(
        "receipt_lines",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("keys", postgresql.JSONB(), nullable=False),
        sa.Column("amount_text", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_receipt_lines_amount_is_positive")),
        sa.CheckConstraint(
            "(problem IS NULL) = (member_id IS NOT NULL AND amount IS NOT NULL)",
            name=op.f("ck_receipt_lines_complete_or_a_problem"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "batch_id"],
            ["receipt_batches.organization_id", "receipt_batches.id"],
            name=op.f("fk_receipt_lines_organization_id_batch_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "member_id"],
            ["members.organization_id", "members.id"],
            name=op.f("fk_receipt_lines_organization_id_member_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_receipt_lines")),
        sa.UniqueConstraint(
            "organization_id",
            "batch_id",
            "position",
            name=op.f("uq_receipt_lines_organization_id_batch_id_position"),
        ),
    )


def _payments() -> None:
    also_allow("payments", "state", "paymentstate", "reversed")
    op.add_column("payments", sa.Column("receipt_line_id", sa.Uuid(), nullable=True))
    op.add_column("payments", sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payments", sa.Column("reversed_by_id", sa.Uuid(), nullable=True))
    op.add_column("payments", sa.Column("reversal_reason", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("fk_payments_organization_id_receipt_line_id"),
        "payments",
        "receipt_lines",
        ["organization_id", "receipt_line_id"],
        ["organization_id", "id"],
    )
    op.create_foreign_key(
        op.f("fk_payments_reversed_by_id"), "payments", "logins", ["reversed_by_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_payments_reversed_in_full_and_by_hand"),
        "payments",
        "(state = 'reversed') = (reversed_at IS NOT NULL)"
        " AND (state <> 'reversed' OR processor_id IS NULL AND returned = amount)",
    )
    op.create_index(
        "uq_payments_receipt_line",
        "payments",
        ["organization_id", "receipt_line_id"],
        unique=True,
        postgresql_where="receipt_line_id IS NOT NULL",
    )


def upgrade() -> None:
    _batches()
    _lines()
    _payments()
    also_allow("mails", "kind", "mailkind", "payment_reversed")
    protect("receipt_batches", "receipt_lines")
