"""Whether a payment plan that is kept keeps good standing; not unless the organization says so."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "dues_settings",
        sa.Column("standing_with_kept_plan", sa.Boolean(), server_default="false", nullable=False),
    )
