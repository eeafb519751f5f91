"""Organizations write their own reminders, per step and language; nothing written leaves the usual words."""

import sqlalchemy as sa
from alembic import op

from migrations.choices import also_allow
from migrations.protection import protect

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("members", sa.Column("language", sa.Text(), nullable=True))
    op.create_table(
        "reminder_texts",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("button", sa.Text(), nullable=False),
        sa.CheckConstraint("days BETWEEN -365 AND 365", name=op.f("ck_reminder_texts_days_are_near")),
        sa.CheckConstraint(
            "subject !~ '[[:cntrl:]]' AND button !~ '[[:cntrl:]]'",
            name=op.f("ck_reminder_texts_one_line_each"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_reminder_texts_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_reminder_texts")),
        sa.UniqueConstraint(
            "organization_id",
            "days",
            "language",
            name=op.f("uq_reminder_texts_organization_id_days_language"),
        ),
    )
    protect("reminder_texts")
    also_allow("mails", "kind", "mailkind", "reminder_test")
