"""Credit notes and what they settle; the part of a payment that became one."""

import sqlalchemy as sa
from alembic import op

from migrations.protection import protect

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_note_counters",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_credit_note_counters_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_credit_note_counters")),
        sa.UniqueConstraint(
            "organization_id", "year", name=op.f("uq_credit_note_counters_organization_id_year")
        ),
    )
    _credit_notes()
    _credit_applications()
    protect("credit_note_counters", "credit_notes", "credit_applications")
    _credited_part_of_payments()


def _credit_notes() -> None:
    origins = ("overpayment", "voided_invoice", "goodwill", "remainder", "undone", "failed_refund")
    states = ("open", "held", "applied", "released", "withdrawn")
    op.create_table(
        "credit_notes",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("origin", _words("origin", origins), nullable=False),
        sa.Column("state", _words("creditstate", states), nullable=False),
        sa.Column("passed_on", sa.BigInteger(), nullable=False),
        sa.Column(
            "remaining",
            sa.BigInteger(),
            sa.Computed("CASE WHEN state IN ('open', 'held') THEN amount ELSE 0 END", persisted=True),
            nullable=False,
        ),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("opened_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_notes_amount_is_positive")),
        sa.CheckConstraint("passed_on BETWEEN 0 AND amount", name=op.f("ck_credit_notes_passes_on_a_part")),
        sa.CheckConstraint(
            "state NOT IN ('open', 'held') OR passed_on = 0", name=op.f("ck_credit_notes_used_as_a_whole")
        ),
        sa.CheckConstraint(
            "origin <> 'remainder' OR parent_id IS NOT NULL",
            name=op.f("ck_credit_notes_a_rest_names_its_parent"),
        ),
        sa.CheckConstraint(
            "origin <> 'goodwill' OR reason IS NOT NULL", name=op.f("ck_credit_notes_goodwill_has_a_reason")
        ),
        *(
            _reference("credit_notes", table, column)
            for table, column in (
                ("members", "member_id"),
                ("chapters", "chapter_id"),
                ("payments", "payment_id"),
                ("invoices", "invoice_id"),
                ("credit_notes", "parent_id"),
            )
        ),
        sa.ForeignKeyConstraint(["opened_by_id"], ["logins.id"], name=op.f("fk_credit_notes_opened_by_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_credit_notes")),
        sa.UniqueConstraint(
            "organization_id", "year", "sequence", name=op.f("uq_credit_notes_organization_id_year_sequence")
        ),
    )
    here = "organization_id"
    op.create_index("ix_credit_notes_member", "credit_notes", [here, "member_id", "id"])
    op.create_index("ix_credit_notes_chapter", "credit_notes", [here, "chapter_id", "id"])
    op.create_index("ix_credit_notes_payment", "credit_notes", [here, "payment_id"])
    op.create_index("ix_credit_notes_parent", "credit_notes", [here, "parent_id"])
    op.create_index(
        "ix_credit_notes_remaining", "credit_notes", [here, "id"], postgresql_where="remaining > 0"
    )


def _credit_applications() -> None:
    op.create_table(
        "credit_applications",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("credit_note_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("applied_by_id", sa.Uuid(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_applications_amount_is_positive")),
        _reference("credit_applications", "credit_notes", "credit_note_id"),
        _reference("credit_applications", "invoices", "invoice_id"),
        sa.ForeignKeyConstraint(
            ["applied_by_id"], ["logins.id"], name=op.f("fk_credit_applications_applied_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["undone_by_id"], ["logins.id"], name=op.f("fk_credit_applications_undone_by_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_credit_applications")),
    )
    here = "organization_id"
    op.create_index("ix_credit_applications_note", "credit_applications", [here, "credit_note_id"])
    op.create_index("ix_credit_applications_invoice", "credit_applications", [here, "invoice_id"])


def _credited_part_of_payments() -> None:
    """What a computed column computes can't be changed, so it is made anew, all in one statement.

    The version of before writes nothing into `credited`; what it leaves unapplied becomes a credit note later.
    """
    op.execute(
        """ALTER TABLE payments
            ADD COLUMN credited bigint NOT NULL DEFAULT 0,
            DROP COLUMN unapplied,
            ADD COLUMN unapplied bigint NOT NULL GENERATED ALWAYS AS (
                CASE WHEN received_on IS NULL THEN 0 ELSE amount - allocated - credited - returned END
            ) STORED,
            DROP CONSTRAINT ck_payments_sums_are_not_negative,
            DROP CONSTRAINT ck_payments_never_more_than_came_in,
            DROP CONSTRAINT ck_payments_allocated_only_when_received,
            ADD CONSTRAINT ck_payments_sums_are_not_negative
                CHECK (allocated >= 0 AND credited >= 0 AND returned >= 0),
            ADD CONSTRAINT ck_payments_never_more_than_came_in
                CHECK (allocated + credited + returned <= amount),
            ADD CONSTRAINT ck_payments_placed_only_when_received
                CHECK (received_on IS NOT NULL OR allocated + credited = 0)"""
    )
    op.create_index(
        "ix_payments_unapplied", "payments", ["organization_id", "id"], postgresql_where="unapplied > 0"
    )


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _reference(owner: str, table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{table}.organization_id", f"{table}.id"],
        name=op.f(f"fk_{owner}_organization_id_{column}"),
    )
