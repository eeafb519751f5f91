"""Payments: processors, checkouts, allocations, the inbox and refunds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import protect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payment_processors",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("stripe", name="processorkind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_key", sa.Text(), nullable=False),
        sa.Column("webhook_secret", sa.Text(), nullable=True),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("tested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("test_error", sa.Text(), nullable=True),
        sa.Column("events_seen_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "secret_key LIKE 'v1.%' AND webhook_secret LIKE 'v1.%'",
            name=op.f("ck_payment_processors_secrets_are_encrypted"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_payment_processors_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_payment_processors")),
    )
    op.create_index(
        "uq_payment_processors_active_kind",
        "payment_processors",
        ["organization_id", "kind"],
        unique=True,
        postgresql_where="active",
    )
    op.create_table(
        "payments",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=False),
        sa.Column("processor_id", sa.Uuid(), nullable=True),
        sa.Column(
            "method",
            sa.Enum(
                "card",
                "ach_debit",
                "cash",
                "check",
                "bank_transfer",
                "payroll_deduction",
                "wallet",
                "unknown",
                name="method",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "started",
                "processing",
                "succeeded",
                "failed",
                "expired",
                "unknown",
                name="paymentstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=True),
        sa.Column(
            "fee_state",
            sa.Enum(
                "none",
                "awaited",
                "confirmed",
                "failed",
                name="feestate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("fee_error", sa.Text(), nullable=True),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column(
            "unapplied",
            sa.BigInteger(),
            sa.Computed(
                "CASE WHEN received_on IS NULL THEN 0 ELSE amount - allocated - returned END", persisted=True
            ),
            nullable=False,
        ),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("intent_reference", sa.Text(), nullable=True),
        sa.Column("charge_reference", sa.Text(), nullable=True),
        sa.Column("payer_detail", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(fee_state = 'confirmed') = (fee IS NOT NULL)", name=op.f("ck_payments_confirmed_fee_is_known")
        ),
        sa.CheckConstraint(
            "processor_id IS NULL OR received_on IS NULL OR fee_state = 'confirmed'",
            name=op.f("ck_payments_fee_first"),
        ),
        sa.CheckConstraint(
            "allocated + returned <= amount", name=op.f("ck_payments_never_more_than_came_in")
        ),
        sa.CheckConstraint(
            "allocated >= 0 AND returned >= 0", name=op.f("ck_payments_sums_are_not_negative")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payments_amount_is_positive")),
        sa.CheckConstraint("fee >= 0", name=op.f("ck_payments_fee_is_not_negative")),
        sa.CheckConstraint(
            "received_on IS NOT NULL OR allocated = 0", name=op.f("ck_payments_allocated_only_when_received")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_payments_organization_id_chapter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "member_id"],
            ["members.organization_id", "members.id"],
            name=op.f("fk_payments_organization_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "processor_id"],
            ["payment_processors.organization_id", "payment_processors.id"],
            name=op.f("fk_payments_organization_id_processor_id"),
        ),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["logins.id"], name=op.f("fk_payments_recorded_by_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_payments")),
    )
    op.create_index("ix_payments_chapter", "payments", ["organization_id", "chapter_id", "id"], unique=False)
    op.create_index("ix_payments_member", "payments", ["organization_id", "member_id", "id"], unique=False)
    op.create_index(
        "uq_payments_intent",
        "payments",
        ["organization_id", "processor_id", "intent_reference"],
        unique=True,
        postgresql_where="intent_reference IS NOT NULL",
    )
    op.create_table(
        "allocations",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column(
            "allocated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_allocations_amount_is_positive")),
        sa.ForeignKeyConstraint(
            ["organization_id", "invoice_id"],
            ["invoices.organization_id", "invoices.id"],
            name=op.f("fk_allocations_organization_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "payment_id"],
            ["payments.organization_id", "payments.id"],
            name=op.f("fk_allocations_organization_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(["undone_by_id"], ["logins.id"], name=op.f("fk_allocations_undone_by_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_allocations")),
    )
    op.create_index("ix_allocations_invoice", "allocations", ["organization_id", "invoice_id"], unique=False)
    op.create_index("ix_allocations_payment", "allocations", ["organization_id", "payment_id"], unique=False)
    op.create_table(
        "checkouts",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("processor_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "opening",
                "live",
                "closing",
                "paid",
                "processing",
                "closed",
                name="checkoutstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("asked", postgresql.JSONB(), nullable=False),
        sa.Column("session_reference", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state <> 'live' OR url IS NOT NULL", name=op.f("ck_checkouts_a_live_page_has_an_address")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_checkouts_amount_is_positive")),
        sa.ForeignKeyConstraint(
            ["organization_id", "invoice_id"],
            ["invoices.organization_id", "invoices.id"],
            name=op.f("fk_checkouts_organization_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "payment_id"],
            ["payments.organization_id", "payments.id"],
            name=op.f("fk_checkouts_organization_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "processor_id"],
            ["payment_processors.organization_id", "payment_processors.id"],
            name=op.f("fk_checkouts_organization_id_processor_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_checkouts")),
    )
    op.create_index(
        "uq_checkouts_attempt", "checkouts", ["organization_id", "invoice_id", "attempt"], unique=True
    )
    op.create_index(
        "uq_checkouts_one_live",
        "checkouts",
        ["organization_id", "invoice_id"],
        unique=True,
        postgresql_where="state IN ('opening', 'live', 'closing')",
    )
    op.create_index(
        "uq_checkouts_session",
        "checkouts",
        ["organization_id", "processor_id", "session_reference"],
        unique=True,
        postgresql_where="session_reference IS NOT NULL",
    )
    op.create_table(
        "processor_events",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("processor_id", sa.Uuid(), nullable=False),
        sa.Column("event_reference", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_reference", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found_by", sa.Text(), nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "received",
                "done",
                "ignored",
                "failed",
                name="deliverystate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "processor_id"],
            ["payment_processors.organization_id", "payment_processors.id"],
            name=op.f("fk_processor_events_organization_id_processor_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_processor_events")),
    )
    op.create_index(
        "ix_processor_events_received", "processor_events", ["organization_id", "received_at"], unique=False
    )
    op.create_index(
        "uq_processor_events_once",
        "processor_events",
        ["organization_id", "processor_id", "event_reference"],
        unique=True,
    )
    op.create_table(
        "refunds",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "succeeded",
                "failed",
                name="refundstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("processor_reference", sa.Text(), nullable=True),
        sa.Column("reinstates_debt", sa.Boolean(), nullable=False),
        sa.Column("refunded_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount_is_positive")),
        sa.ForeignKeyConstraint(
            ["organization_id", "payment_id"],
            ["payments.organization_id", "payments.id"],
            name=op.f("fk_refunds_organization_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(["requested_by_id"], ["logins.id"], name=op.f("fk_refunds_requested_by_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_refunds")),
    )
    op.create_index("ix_refunds_payment", "refunds", ["organization_id", "payment_id"], unique=False)
    op.create_index(
        "uq_refunds_processor_reference",
        "refunds",
        ["organization_id", "processor_reference"],
        unique=True,
        postgresql_where="processor_reference IS NOT NULL",
    )

    protect("payment_processors", "payments", "allocations", "checkouts", "processor_events", "refunds")
