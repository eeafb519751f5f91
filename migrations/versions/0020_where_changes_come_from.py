"""Which browser, and which API token, an entry of the audit trail came from."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_entries", sa.Column("browser", sa.Text(), nullable=True))
    op.add_column("audit_entries", sa.Column("token_id", sa.Uuid(), nullable=True))
