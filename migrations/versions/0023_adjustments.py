"""Adjustments of invoices, what members send along with a hardship request, and writing off."""

import sqlalchemy as sa
from alembic import op

from migrations.choices import also_allow
from migrations.protection import protect

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def _one_of(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "adjustments",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            _one_of(
                *("adjustmentkind", "waiver", "credit", "hardship", "correction", "fee", "other", "write_off")
            ),
            nullable=False,
        ),
        sa.Column("direction", _one_of("direction", "lowers", "raises"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "state",
            _one_of("adjustmentstate", "requested", "approved", "denied", "withdrawn"),
            nullable=False,
        ),
        sa.Column("by_member", sa.Boolean(), nullable=False),
        sa.Column("requested_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_adjustments_amount_is_positive")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_adjustments_asked_with_a_reason")),
        sa.CheckConstraint(
            "CASE kind WHEN 'fee' THEN direction = 'raises' WHEN 'correction' THEN true"
            " ELSE direction = 'lowers' END",
            name=op.f("ck_adjustments_direction_goes_with_kind"),
        ),
        sa.CheckConstraint("decided_by_id <> requested_by_id", name=op.f("ck_adjustments_four_eyes")),
        sa.CheckConstraint(
            "(state IN ('approved', 'denied')) = (decided_at IS NOT NULL)",
            name=op.f("ck_adjustments_decided_exactly_when_approved_or_denied"),
        ),
        sa.CheckConstraint(
            "state <> 'denied' OR (decided_by_id IS NOT NULL AND decision_reason <> '')",
            name=op.f("ck_adjustments_denied_by_somebody_with_a_reason"),
        ),
        sa.CheckConstraint(
            "(state = 'approved' AND direction = 'raises') = (line_id IS NOT NULL)",
            name=op.f("ck_adjustments_what_it_raised_is_a_line"),
        ),
        _belongs_to("adjustments", "invoice_id", "invoices"),
        _belongs_to("adjustments", "payment_id", "payments"),
        _belongs_to("adjustments", "line_id", "invoice_lines"),
        _by_login("requested_by_id"),
        _by_login("decided_by_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_adjustments")),
    )
    op.create_index("ix_adjustments_invoice", "adjustments", ["organization_id", "invoice_id"])
    op.create_index("ix_adjustments_state", "adjustments", ["organization_id", "state", "id"])
    op.create_table(
        "adjustment_attachments",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("adjustment_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", _one_of("mediatype", "application/pdf", "image/jpeg"), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "digest = encode(sha256(content), 'hex')",
            name=op.f("ck_adjustment_attachments_digest_is_the_contents"),
        ),
        _belongs_to("adjustment_attachments", "adjustment_id", "adjustments"),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_adjustment_attachments")),
        sa.UniqueConstraint(
            "organization_id",
            "adjustment_id",
            name=op.f("uq_adjustment_attachments_organization_id_adjustment_id"),
        ),
    )
    protect("adjustments", "adjustment_attachments")
    for table in ("journal_entries", "posting_decisions"):
        also_allow(table, "event", "event", "write_off")
    also_allow("mails", "kind", "mailkind", "adjustment")


def _belongs_to(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{parent}.organization_id", f"{parent}.id"],
        name=op.f(f"fk_{table}_organization_id_{column}"),
    )


def _by_login(column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["logins.id"], name=op.f(f"fk_adjustments_{column}"))
