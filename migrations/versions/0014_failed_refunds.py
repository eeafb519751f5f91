"""A refund that fails later: when, who took care of it, and the mail that says so."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KINDS = (
    "invoice", "receipt", "payment_failed", "paid_twice", "refund_failed", "reminder", "new_link",
    "cancellation", "invitation", "forgotten_password",
)  # fmt: skip


def upgrade() -> None:
    op.add_column("refunds", sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("refunds", sa.Column("failure_handled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("refunds", sa.Column("failure_handled_by_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_refunds_failure_handled_by_id"), "refunds", "logins", ["failure_handled_by_id"], ["id"]
    )
    op.create_index(
        "ix_refunds_failed",
        "refunds",
        ["organization_id"],
        unique=False,
        postgresql_where="failed_at IS NOT NULL AND failure_handled_at IS NULL",
    )
    op.drop_constraint(op.f("mailkind"), "mails")
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    op.create_check_constraint(op.f("mailkind"), "mails", f"kind IN ({kinds})")
