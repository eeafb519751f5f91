"""Links that sign members in by mail, and the mark by which a browser is known again."""

import sqlalchemy as sa
from alembic import op

from migrations.protection import shared

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_MAIL_KINDS = (
    "invoice", "receipt", "payment_failed", "paid_twice", "refund_failed", "reminder", "new_link", "cancellation",
    "invitation", "forgotten_password", "security_notice", "sign_in_link",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "sign_in_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=True),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("browser_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["login_id"], ["logins.id"], name=op.f("fk_sign_in_links_login_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_links_token_hash")),
    )
    op.create_index(op.f("ix_sign_in_links_expires_at"), "sign_in_links", ["expires_at"], unique=False)
    shared("sign_in_links", "SELECT, INSERT, UPDATE, DELETE")
    op.add_column("login_sessions", sa.Column("browser_hash", sa.Text(), nullable=True))
    kinds = ", ".join(f"'{kind}'" for kind in _MAIL_KINDS)
    op.drop_constraint(op.f("mailkind"), "mails", type_="check")
    op.create_check_constraint(op.f("mailkind"), "mails", f"kind IN ({kinds})")
