"""A credit note can go back to the payer as a refund."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refunds", sa.Column("credit_note_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_refunds_organization_id_credit_note_id"),
        "refunds",
        "credit_notes",
        ["organization_id", "credit_note_id"],
        ["organization_id", "id"],
    )
    op.create_index(
        "ix_refunds_credit_note",
        "refunds",
        ["organization_id", "credit_note_id"],
        postgresql_where="credit_note_id IS NOT NULL",
    )
