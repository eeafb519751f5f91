"""From which amount on a debt of over 90 days is severe; any, unless the organization says so."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = "dues_settings"
    op.add_column(table, sa.Column("severe_above", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint(
        op.f("ck_dues_settings_severe_amount_is_not_negative"), table, "severe_above >= 0"
    )
