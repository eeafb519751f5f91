"""Billing: settings, rates, periods, schedules, runs and invoices."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import protect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dues_settings",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "cadence",
            sa.Enum(
                "monthly",
                "quarterly",
                "semester",
                "annual",
                "custom",
                name="cadence",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("default_amount", sa.BigInteger(), nullable=False),
        sa.Column("due_after_days", sa.BigInteger(), nullable=False),
        sa.Column("grace_days", sa.BigInteger(), nullable=False),
        sa.Column(
            "late_fee_kind",
            sa.Enum(
                "none",
                "flat",
                "percent",
                name="latefeekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("late_fee_amount", sa.BigInteger(), nullable=True),
        sa.Column("late_fee_percent", sa.Numeric(precision=6, scale=3), nullable=True),
        sa.Column("late_fee_maximum", sa.BigInteger(), nullable=True),
        sa.Column("late_fee_after_days", sa.BigInteger(), nullable=True),
        sa.Column("autopay", sa.Boolean(), nullable=False),
        sa.Column("refund_cap", sa.BigInteger(), nullable=False),
        sa.Column("reminder_days", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("card_retry_days", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("prorate_late_joiners", sa.Boolean(), nullable=False),
        sa.Column("set_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "default_amount >= 0 AND refund_cap >= 0", name=op.f("ck_dues_settings_amounts_are_not_negative")
        ),
        sa.CheckConstraint(
            "due_after_days >= 0 AND grace_days >= 0", name=op.f("ck_dues_settings_days_are_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_dues_settings_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_dues_settings")),
        sa.UniqueConstraint("organization_id", name=op.f("uq_dues_settings_organization_id")),
    )
    op.create_table(
        "dues_rates",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status_id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=True),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("set_by_id", sa.Uuid(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("organization_id"), "="),
            (sa.column("status_id"), "="),
            (sa.text("coalesce(chapter_id, '00000000-0000-0000-0000-000000000000'::uuid)"), "="),
            (sa.text("daterange(effective_from, effective_to, '[]')"), "&&"),
            using="gist",
            name="ex_dues_rates_one_at_a_time",
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_dues_rates_amount_is_not_negative")),
        sa.CheckConstraint(
            "effective_from <= effective_to", name=op.f("ck_dues_rates_starts_before_it_ends")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_dues_rates_organization_id_chapter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "status_id"],
            ["member_statuses.organization_id", "member_statuses.id"],
            name=op.f("fk_dues_rates_organization_id_status_id"),
        ),
        sa.ForeignKeyConstraint(["set_by_id"], ["logins.id"], name=op.f("fk_dues_rates_set_by_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_dues_rates")),
    )
    op.create_table(
        "billing_periods",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "cadence",
            sa.Enum(
                "monthly",
                "quarterly",
                "semester",
                "annual",
                "custom",
                name="cadence",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("grace_ends_on", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_by_id IS NULL)", name=op.f("ck_billing_periods_closed_by_somebody")
        ),
        sa.CheckConstraint("due_on <= grace_ends_on", name=op.f("ck_billing_periods_grace_is_after_due")),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_billing_periods_starts_before_it_ends")),
        sa.ForeignKeyConstraint(
            ["closed_by_id"], ["logins.id"], name=op.f("fk_billing_periods_closed_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_billing_periods_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_billing_periods")),
        sa.UniqueConstraint("organization_id", "code", name=op.f("uq_billing_periods_organization_id_code")),
    )
    op.create_table(
        "assessment_schedules",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "regular_dues",
                "special_assessment",
                name="schedulekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "basis",
            sa.Enum(
                "rate", "flat", "share", name="basis", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("chapter_id", sa.Uuid(), nullable=True),
        sa.Column("status_id", sa.Uuid(), nullable=True),
        sa.Column("period_id", sa.Uuid(), nullable=True),
        sa.Column("chapter_percent", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.Column(
            "late_fee_kind",
            sa.Enum(
                "none",
                "flat",
                "percent",
                name="latefeekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("late_fee_amount", sa.BigInteger(), nullable=True),
        sa.Column("late_fee_percent", sa.Numeric(precision=6, scale=3), nullable=True),
        sa.Column("late_fee_after_days", sa.BigInteger(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("approved_by_id", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(basis = 'rate') = (amount IS NULL)", name=op.f("ck_assessment_schedules_amount_goes_with_basis")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_assessment_schedules_amount_is_not_negative")),
        sa.CheckConstraint(
            "chapter_percent BETWEEN 0 AND 100", name=op.f("ck_assessment_schedules_percent_is_a_part")
        ),
        sa.ForeignKeyConstraint(
            ["approved_by_id"], ["logins.id"], name=op.f("fk_assessment_schedules_approved_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_assessment_schedules_organization_id_chapter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "period_id"],
            ["billing_periods.organization_id", "billing_periods.id"],
            name=op.f("fk_assessment_schedules_organization_id_period_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "status_id"],
            ["member_statuses.organization_id", "member_statuses.id"],
            name=op.f("fk_assessment_schedules_organization_id_status_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_assessment_schedules_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_assessment_schedules")),
        sa.UniqueConstraint(
            "organization_id", "name", name=op.f("uq_assessment_schedules_organization_id_name")
        ),
    )
    op.create_table(
        "billing_runs",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("period_id", sa.Uuid(), nullable=False),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "confirmed",
                "running",
                "done",
                "failed",
                "undoing",
                "undone",
                name="runstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("batches", sa.BigInteger(), nullable=False),
        sa.Column("considered", sa.BigInteger(), nullable=False),
        sa.Column("requested_by_id", sa.Uuid(), nullable=True),
        sa.Column(
            "requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by_id", sa.Uuid(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undo_reason", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "undone_by_id <> requested_by_id", name=op.f("ck_billing_runs_undone_by_a_second_person")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "period_id"],
            ["billing_periods.organization_id", "billing_periods.id"],
            name=op.f("fk_billing_runs_organization_id_period_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "schedule_id"],
            ["assessment_schedules.organization_id", "assessment_schedules.id"],
            name=op.f("fk_billing_runs_organization_id_schedule_id"),
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"], ["logins.id"], name=op.f("fk_billing_runs_requested_by_id")
        ),
        sa.ForeignKeyConstraint(["undone_by_id"], ["logins.id"], name=op.f("fk_billing_runs_undone_by_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_billing_runs")),
    )
    op.create_index(
        "ix_billing_runs_period",
        "billing_runs",
        ["organization_id", "period_id", "schedule_id"],
        unique=False,
    )
    op.create_index(
        "uq_billing_runs_one_at_a_time",
        "billing_runs",
        ["organization_id", "schedule_id", "period_id"],
        unique=True,
        postgresql_where="state IN ('confirmed', 'running', 'undoing')",
    )
    op.create_table(
        "billing_batches",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("first_member_id", sa.Uuid(), nullable=False),
        sa.Column("last_member_id", sa.Uuid(), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting", "done", name="batchstate", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("invoiced", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("already", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "run_id"],
            ["billing_runs.organization_id", "billing_runs.id"],
            name=op.f("fk_billing_batches_organization_id_run_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_billing_batches")),
        sa.UniqueConstraint(
            "organization_id",
            "run_id",
            "position",
            name=op.f("uq_billing_batches_organization_id_run_id_position"),
        ),
    )
    op.create_table(
        "billing_omissions",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "status_not_billable",
                "zero_amount",
                "left",
                "not_yet_joined",
                "no_share",
                name="omission",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "member_id"],
            ["members.organization_id", "members.id"],
            name=op.f("fk_billing_omissions_organization_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "run_id"],
            ["billing_runs.organization_id", "billing_runs.id"],
            name=op.f("fk_billing_omissions_organization_id_run_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_billing_omissions")),
        sa.UniqueConstraint(
            "organization_id",
            "run_id",
            "member_id",
            name=op.f("uq_billing_omissions_organization_id_run_id_member_id"),
        ),
    )
    op.create_table(
        "price_reasons",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("rate_id", sa.Uuid(), nullable=True),
        sa.Column("unit_amount", sa.BigInteger(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "rate_id"],
            ["dues_rates.organization_id", "dues_rates.id"],
            name=op.f("fk_price_reasons_organization_id_rate_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "run_id"],
            ["billing_runs.organization_id", "billing_runs.id"],
            name=op.f("fk_price_reasons_organization_id_run_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_price_reasons")),
    )
    op.create_table(
        "number_counters",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_number_counters_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_number_counters")),
        sa.UniqueConstraint("organization_id", "year", name=op.f("uq_number_counters_organization_id_year")),
    )
    op.create_table(
        "invoices",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("period_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "partial",
                "overdue",
                "paid",
                "waived",
                "refunded",
                "void",
                name="invoicestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("processing", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("billed", sa.BigInteger(), nullable=False),
        sa.Column("chapter_part", sa.BigInteger(), nullable=False),
        sa.Column("adjusted", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column(
            "owed",
            sa.BigInteger(),
            sa.Computed("CASE WHEN status = 'void' THEN 0 ELSE billed - adjusted - paid END", persisted=True),
            nullable=False,
        ),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("grace_ends_on", sa.Date(), nullable=False),
        sa.Column("bill_to", postgresql.JSONB(), nullable=False),
        sa.Column("pay_link_version", sa.BigInteger(), nullable=False),
        sa.Column("first_opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_by_id", sa.Uuid(), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(status = 'void') = (voided_at IS NOT NULL)", name=op.f("ck_invoices_void_has_a_moment")
        ),
        sa.CheckConstraint("adjusted + paid <= billed", name=op.f("ck_invoices_never_over_allocated")),
        sa.CheckConstraint(
            "chapter_part BETWEEN 0 AND billed", name=op.f("ck_invoices_chapter_part_is_a_part")
        ),
        sa.CheckConstraint(
            "billed >= 0 AND adjusted >= 0 AND paid >= 0 AND refunded >= 0",
            name=op.f("ck_invoices_sums_are_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_invoices_organization_id_chapter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "member_id"],
            ["members.organization_id", "members.id"],
            name=op.f("fk_invoices_organization_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "period_id"],
            ["billing_periods.organization_id", "billing_periods.id"],
            name=op.f("fk_invoices_organization_id_period_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "run_id"],
            ["billing_runs.organization_id", "billing_runs.id"],
            name=op.f("fk_invoices_organization_id_run_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "schedule_id"],
            ["assessment_schedules.organization_id", "assessment_schedules.id"],
            name=op.f("fk_invoices_organization_id_schedule_id"),
        ),
        sa.ForeignKeyConstraint(["voided_by_id"], ["logins.id"], name=op.f("fk_invoices_voided_by_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_invoices")),
        sa.UniqueConstraint(
            "organization_id", "year", "sequence", name=op.f("uq_invoices_organization_id_year_sequence")
        ),
    )
    op.create_index(
        "ix_invoices_chapter", "invoices", ["organization_id", "chapter_id", "year", "sequence"], unique=False
    )
    op.create_index(
        "ix_invoices_owed",
        "invoices",
        ["organization_id", "due_on", "chapter_id"],
        unique=False,
        postgresql_include=["owed"],
        postgresql_where="owed > 0",
    )
    op.create_index("ix_invoices_run", "invoices", ["organization_id", "run_id"], unique=False)
    op.create_index(
        "uq_invoices_one_live",
        "invoices",
        ["organization_id", "member_id", "schedule_id", "period_id"],
        unique=True,
        postgresql_where="status <> 'void'",
    )
    op.create_table(
        "invoice_lines",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "base_dues",
                "assessment",
                "late_fee",
                "adjustment",
                "plan_interest",
                "item",
                name="linekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("income_account_id", sa.Uuid(), nullable=False),
        sa.Column("reason_id", sa.Uuid(), nullable=True),
        sa.Column("share", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "income_account_id"],
            ["accounts.organization_id", "accounts.id"],
            name=op.f("fk_invoice_lines_organization_id_income_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "invoice_id"],
            ["invoices.organization_id", "invoices.id"],
            name=op.f("fk_invoice_lines_organization_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "reason_id"],
            ["price_reasons.organization_id", "price_reasons.id"],
            name=op.f("fk_invoice_lines_organization_id_reason_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_invoice_lines")),
        sa.UniqueConstraint(
            "organization_id",
            "invoice_id",
            "position",
            name=op.f("uq_invoice_lines_organization_id_invoice_id_position"),
        ),
    )

    protect(
        "dues_settings",
        "dues_rates",
        "billing_periods",
        "assessment_schedules",
        "billing_runs",
        "billing_batches",
        "billing_omissions",
        "price_reasons",
        "number_counters",
        "invoices",
        "invoice_lines",
    )
