"""What was typed for lines of a roster that were refused; the file itself stays as it was sent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "roster_imports", sa.Column("corrections", postgresql.JSONB(), server_default="{}", nullable=False)
    )
