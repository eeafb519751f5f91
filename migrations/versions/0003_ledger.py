"""Ledger: chart, journal, decisions and balances."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import append_only, protect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "asset",
                "liability",
                "income",
                "expense",
                name="accountkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "subledger",
            sa.Enum(
                "none",
                "member",
                "chapter",
                name="subledger",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_accounts_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("organization_id", "code", name=op.f("uq_accounts_organization_id_code")),
    )
    op.create_table(
        "posting_decisions",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "allowed",
                "blocked",
                "overridden",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "event",
            sa.Enum(
                "invoice_issued",
                "invoice_voided",
                "late_fee",
                "adjustment",
                "payment_received",
                "payment_allocated",
                "allocation_undone",
                "payment_returned",
                "credit_note_issued",
                "credit_note_applied",
                "credit_note_released",
                "refund",
                "reversal",
                name="event",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("guards", postgresql.JSONB(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("overridden_by_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'overridden') = (overridden_by_id IS NOT NULL AND reason IS NOT NULL)",
            name=op.f("ck_posting_decisions_an_override_has_a_name_and_a_reason"),
        ),
        sa.ForeignKeyConstraint(["by_id"], ["logins.id"], name=op.f("fk_posting_decisions_by_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_posting_decisions_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["overridden_by_id"], ["logins.id"], name=op.f("fk_posting_decisions_overridden_by_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_posting_decisions")),
    )
    op.create_index(
        "ix_posting_decisions_source", "posting_decisions", ["organization_id", "source_id"], unique=False
    )
    op.create_table(
        "journal_entries",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "event",
            sa.Enum(
                "invoice_issued",
                "invoice_voided",
                "late_fee",
                "adjustment",
                "payment_received",
                "payment_allocated",
                "allocation_undone",
                "payment_returned",
                "credit_note_issued",
                "credit_note_applied",
                "credit_note_released",
                "refund",
                "reversal",
                name="event",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["logins.id"], name=op.f("fk_journal_entries_by_id")),
        sa.ForeignKeyConstraint(
            ["organization_id", "decision_id"],
            ["posting_decisions.organization_id", "posting_decisions.id"],
            name=op.f("fk_journal_entries_organization_id_decision_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "reverses_id"],
            ["journal_entries.organization_id", "journal_entries.id"],
            name=op.f("fk_journal_entries_organization_id_reverses_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_journal_entries")),
    )
    op.create_index(
        "ix_journal_entries_dated", "journal_entries", ["organization_id", "dated", "id"], unique=False
    )
    op.create_index(
        "uq_journal_entries_reversed_once",
        "journal_entries",
        ["organization_id", "reverses_id"],
        unique=True,
        postgresql_where="reverses_id IS NOT NULL",
    )
    op.create_index(
        "uq_journal_entries_source",
        "journal_entries",
        ["organization_id", "source_id", "event"],
        unique=True,
        postgresql_where="reverses_id IS NULL",
    )
    op.create_table(
        "postings",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("debit_account_id", sa.Uuid(), nullable=False),
        sa.Column("credit_account_id", sa.Uuid(), nullable=False),
        sa.Column("debit_chapter_id", sa.Uuid(), nullable=True),
        sa.Column("credit_chapter_id", sa.Uuid(), nullable=True),
        sa.Column("debit_member_id", sa.Uuid(), nullable=True),
        sa.Column("credit_member_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_postings_amount_is_positive")),
        sa.CheckConstraint(
            "debit_account_id <> credit_account_id OR debit_member_id <> credit_member_id OR debit_chapter_id <> credit_chapter_id",
            name=op.f("ck_postings_moves_something"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "credit_account_id"],
            ["accounts.organization_id", "accounts.id"],
            name=op.f("fk_postings_organization_id_credit_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "credit_chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_postings_organization_id_credit_chapter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "credit_member_id"],
            ["members.organization_id", "members.id"],
            name=op.f("fk_postings_organization_id_credit_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "debit_account_id"],
            ["accounts.organization_id", "accounts.id"],
            name=op.f("fk_postings_organization_id_debit_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "debit_chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_postings_organization_id_debit_chapter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "debit_member_id"],
            ["members.organization_id", "members.id"],
            name=op.f("fk_postings_organization_id_debit_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "entry_id"],
            ["journal_entries.organization_id", "journal_entries.id"],
            name=op.f("fk_postings_organization_id_entry_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_postings")),
    )
    op.create_index(
        "ix_postings_credit_chapter",
        "postings",
        ["organization_id", "credit_chapter_id", "credit_account_id", "dated", "id"],
        unique=False,
        postgresql_where="credit_chapter_id IS NOT NULL",
    )
    op.create_index(
        "ix_postings_credit_member",
        "postings",
        ["organization_id", "credit_member_id", "dated", "id"],
        unique=False,
        postgresql_where="credit_member_id IS NOT NULL",
    )
    op.create_index(
        "ix_postings_debit_chapter",
        "postings",
        ["organization_id", "debit_chapter_id", "debit_account_id", "dated", "id"],
        unique=False,
        postgresql_where="debit_chapter_id IS NOT NULL",
    )
    op.create_index(
        "ix_postings_debit_member",
        "postings",
        ["organization_id", "debit_member_id", "dated", "id"],
        unique=False,
        postgresql_where="debit_member_id IS NOT NULL",
    )
    op.create_index("ix_postings_entry", "postings", ["organization_id", "entry_id"], unique=False)
    op.create_table(
        "chapter_balances",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=True),
        sa.Column("debits", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "account_id"],
            ["accounts.organization_id", "accounts.id"],
            name=op.f("fk_chapter_balances_organization_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_chapter_balances_organization_id_chapter_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_chapter_balances")),
    )
    op.create_index(
        "uq_chapter_balances_of",
        "chapter_balances",
        ["organization_id", "account_id", "chapter_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "member_balances",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("debits", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "account_id"],
            ["accounts.organization_id", "accounts.id"],
            name=op.f("fk_member_balances_organization_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "member_id"],
            ["members.organization_id", "members.id"],
            name=op.f("fk_member_balances_organization_id_member_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_member_balances")),
    )
    op.create_index(
        "uq_member_balances_of",
        "member_balances",
        ["organization_id", "member_id", "account_id"],
        unique=True,
    )
    op.create_table(
        "closed_spans",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("closed_by_id", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("reopened_by_id", sa.Uuid(), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_closed_spans_starts_before_it_ends")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["logins.id"], name=op.f("fk_closed_spans_closed_by_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_closed_spans_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["reopened_by_id"], ["logins.id"], name=op.f("fk_closed_spans_reopened_by_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_closed_spans")),
    )

    protect(
        "accounts",
        "posting_decisions",
        "journal_entries",
        "postings",
        "chapter_balances",
        "member_balances",
        "closed_spans",
    )
    append_only("posting_decisions", "journal_entries", "postings")
