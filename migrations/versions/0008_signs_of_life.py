"""Running it: signs of life, which request promised a job, and jobs that were given up found at once."""

import sqlalchemy as sa
from alembic import op

from migrations.protection import shared

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("request_id", sa.Text(), nullable=True))
    op.create_index(
        "ix_outbox_dead", "outbox", ["organization_id", "finished_at"], postgresql_where="state = 'dead'"
    )
    op.create_table(
        "signs_of_life",
        sa.Column(
            "sign",
            sa.Enum(
                "scheduler",
                "backup",
                "restore",
                name="sign",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sign", name=op.f("pk_signs_of_life")),
    )
    shared("signs_of_life", "SELECT, INSERT, UPDATE")
