"""What keeps autopay from collecting, beside the member's word."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = "autopay_authorizations"
    op.add_column(table, sa.Column("held_up_since", sa.Date(), nullable=True))
    op.add_column(table, sa.Column("held_up_by", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f(f"ck_{table}_held_up_by_something"), table, "(held_up_since IS NULL) = (held_up_by IS NULL)"
    )
