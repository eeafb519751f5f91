"""Late fees: what was charged on which invoice, by whose rule; organizations that are there already begin with
what falls due from today on, so that nobody is charged for what is long past.
"""

import sqlalchemy as sa
from alembic import op

from migrations.choices import also_allow
from migrations.protection import append_only, protect

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dues_settings", sa.Column("late_fees_since", sa.Date(), nullable=True))
    op.add_column(
        "dues_settings",
        sa.Column("late_fee_goes_with_waiver", sa.Boolean(), server_default="false", nullable=False),
    )
    op.execute("UPDATE dues_settings SET late_fees_since = CURRENT_DATE")
    op.add_column("assessment_schedules", sa.Column("late_fee_maximum", sa.BigInteger(), nullable=True))
    op.create_table(
        "late_fee_runs",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("charged_on", sa.Date(), nullable=False),
        sa.Column("fees", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_late_fee_runs_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_late_fee_runs")),
    )
    op.create_table(
        "late_fees",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.Column("source", _one_of("latefeesource", "schedule", "organization", "standard"), nullable=False),
        sa.Column("kind", _one_of("latefeekind", "none", "flat", "percent"), nullable=False),
        sa.Column("percent", sa.Numeric(6, 3), nullable=True),
        sa.Column("maximum", sa.BigInteger(), nullable=True),
        sa.Column("after_days", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_late_fees_amount_is_positive")),
        _belongs_to("run_id", "late_fee_runs"),
        _belongs_to("invoice_id", "invoices"),
        _belongs_to("line_id", "invoice_lines"),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_late_fees")),
        sa.UniqueConstraint(
            "organization_id", "invoice_id", name=op.f("uq_late_fees_organization_id_invoice_id")
        ),
    )
    op.create_index("ix_late_fees_run", "late_fees", ["organization_id", "run_id"])
    protect("late_fee_runs", "late_fees")
    append_only("late_fee_runs", "late_fees")
    also_allow("mails", "kind", "mailkind", "late_fee")


def _one_of(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _belongs_to(column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{parent}.organization_id", f"{parent}.id"],
        name=op.f(f"fk_late_fees_organization_id_{column}"),
    )
