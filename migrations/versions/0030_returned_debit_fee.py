"""What an organization charges for a bank debit that came back; nothing unless it says so."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "dues_settings", sa.Column("returned_debit_fee", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_dues_settings_returned_debit_fee_is_not_negative"),
        "dues_settings",
        "returned_debit_fee >= 0",
    )
