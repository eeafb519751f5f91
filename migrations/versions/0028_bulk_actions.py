"""What is done to many invoices at once, and what became of each."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import protect

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_KINDS = ("remind", "send_again", "void", "adjust", "export")
_STATES = ("chosen", "running", "finished")
_OUTCOMES = ("chosen", "waiting", "done", "refused", "left_out", "cancelled")


def _choice(*values: str, name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "bulk_actions",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", _choice(*_KINDS, name="bulkkind"), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=True),
        sa.Column("state", _choice(*_STATES, name="bulkstate"), nullable=False),
        sa.Column("chosen", sa.BigInteger(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("requested_by_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'chosen') = (confirmed_at IS NULL)",
            name=op.f("ck_bulk_actions_confirmed_before_it_runs"),
        ),
        sa.CheckConstraint(
            "(state = 'finished') = (finished_at IS NOT NULL)",
            name=op.f("ck_bulk_actions_finished_at_a_moment"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_bulk_actions_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_bulk_actions_organization_id_chapter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"], ["logins.id"], name=op.f("fk_bulk_actions_requested_by_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_bulk_actions")),
    )
    op.create_index("ix_bulk_actions_chapter", "bulk_actions", ["organization_id", "chapter_id"])
    op.create_table(
        "bulk_results",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", _choice(*_OUTCOMES, name="outcome"), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "action_id"],
            ["bulk_actions.organization_id", "bulk_actions.id"],
            name=op.f("fk_bulk_results_organization_id_action_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "invoice_id"],
            ["invoices.organization_id", "invoices.id"],
            name=op.f("fk_bulk_results_organization_id_invoice_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_bulk_results")),
        sa.UniqueConstraint(
            "organization_id",
            "action_id",
            "invoice_id",
            name=op.f("uq_bulk_results_organization_id_action_id_invoice_id"),
        ),
    )
    op.create_index(
        "ix_bulk_results_outcome", "bulk_results", ["organization_id", "action_id", "outcome", "id"]
    )
    op.create_index("ix_bulk_results_invoice", "bulk_results", ["organization_id", "invoice_id"])
    protect("bulk_actions", "bulk_results")
