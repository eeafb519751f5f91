"""Since when the scores give no reason for a standing notice any more."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("chapter_health_notices", sa.Column("well_since", sa.Date(), nullable=True))
