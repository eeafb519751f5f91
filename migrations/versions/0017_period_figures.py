"""The homes' figures of a period are read by an index, however many invoices there are."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_invoices_period", "invoices", ["organization_id", "period_id", "chapter_id"])
