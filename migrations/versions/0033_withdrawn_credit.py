"""Credit notes are mailed, and goodwill can be withdrawn for a reason."""

import sqlalchemy as sa
from alembic import op

from migrations.choices import also_allow

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("credit_notes", sa.Column("withdrawal_reason", sa.Text(), nullable=True))
    also_allow("mails", "kind", "mailkind", "credit_note")
    op.create_check_constraint(
        op.f("ck_credit_notes_goodwill_is_withdrawn_with_a_reason"),
        "credit_notes",
        "origin <> 'goodwill' OR state <> 'withdrawn' OR withdrawal_reason IS NOT NULL",
    )
