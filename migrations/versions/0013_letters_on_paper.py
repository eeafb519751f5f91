"""Letters on paper: a run's invoices to members without an email address, drawn in stacks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import protect

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "letter_stacks",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("invoice_ids", postgresql.JSONB(), nullable=False),
        sa.Column("letters", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "run_id"],
            ["billing_runs.organization_id", "billing_runs.id"],
            name=op.f("fk_letter_stacks_organization_id_run_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_letter_stacks")),
        sa.UniqueConstraint(
            "organization_id",
            "run_id",
            "position",
            name=op.f("uq_letter_stacks_organization_id_run_id_position"),
        ),
    )
    protect("letter_stacks")
