"""Seals over the audit trail and the books, and what verifying them found."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import append_only, protect

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seals",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contents", postgresql.JSONB(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("under_way", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_seals_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_seals")),
        sa.UniqueConstraint("organization_id", "number", name=op.f("uq_seals_organization_id_number")),
    )
    protect("seals")
    append_only("seals")
    op.create_index("ix_journal_entries_posted_at", "journal_entries", ["organization_id", "posted_at"])
    op.create_index("ix_posting_decisions_decided_at", "posting_decisions", ["organization_id", "decided_at"])
    op.add_column("verifications", sa.Column("seals", sa.BigInteger(), nullable=True))
    op.add_column("verifications", sa.Column("broken_seal", sa.Text(), nullable=True))
