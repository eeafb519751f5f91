"""Processors that keep silent are left alone for a while."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "payment_processors", sa.Column("silences", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column("payment_processors", sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True))
