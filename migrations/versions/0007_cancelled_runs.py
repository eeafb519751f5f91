"""A billing run can be cancelled while it is under way."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RUN_STATES = "'confirmed', 'running', 'done', 'failed', 'cancelling', 'cancelled', 'undoing', 'undone'"


def upgrade() -> None:
    op.add_column("billing_runs", sa.Column("cancelled_by_id", sa.Uuid(), nullable=True))
    op.add_column("billing_runs", sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_billing_runs_cancelled_by_id"), "billing_runs", "logins", ["cancelled_by_id"], ["id"]
    )
    op.drop_constraint(op.f("runstate"), "billing_runs", type_="check")
    op.create_check_constraint(op.f("runstate"), "billing_runs", f"state IN ({RUN_STATES})")
    op.drop_constraint(op.f("batchstate"), "billing_batches", type_="check")
    op.create_check_constraint(
        op.f("batchstate"), "billing_batches", "state IN ('waiting', 'done', 'cancelled')"
    )
    op.drop_index("uq_billing_runs_one_at_a_time", "billing_runs")
    op.create_index(
        "uq_billing_runs_one_at_a_time",
        "billing_runs",
        ["organization_id", "schedule_id", "period_id"],
        unique=True,
        postgresql_where="state IN ('confirmed', 'running', 'cancelling', 'undoing')",
    )
