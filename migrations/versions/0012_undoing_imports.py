"""Undoing a roster import: what each row changed, and what became of it; long files are checked by a worker."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_STATES = ("uploaded", "checking", "checked", "running", "done", "failed", "undoing", "undone")
_OUTCOMES = ("removed", "restored", "deactivated", "partly", "kept", "gone")


def upgrade() -> None:
    op.drop_constraint("importstate", "roster_imports")
    op.create_check_constraint("importstate", "roster_imports", sa.column("state").in_(_STATES))
    op.add_column(
        "roster_imports", sa.Column("additions", postgresql.JSONB(), server_default="{}", nullable=False)
    )
    op.add_column("roster_imports", sa.Column("undone_by_id", sa.Uuid(), nullable=True))
    op.add_column("roster_imports", sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "roster_imports", sa.Column("undone_rows", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column(
        "roster_imports", sa.Column("undo_counts", postgresql.JSONB(), server_default="{}", nullable=False)
    )
    op.create_foreign_key(
        op.f("fk_roster_imports_undone_by_id"), "roster_imports", "logins", ["undone_by_id"], ["id"]
    )
    outcome = sa.Enum(*_OUTCOMES, name="undooutcome", native_enum=False, create_constraint=True, length=40)
    op.add_column("roster_import_rows", sa.Column("member_id", sa.Uuid(), nullable=True))
    op.add_column("roster_import_rows", sa.Column("before", postgresql.JSONB(), nullable=True))
    op.add_column("roster_import_rows", sa.Column("after", postgresql.JSONB(), nullable=True))
    op.add_column("roster_import_rows", sa.Column("undo", outcome, nullable=True))
    op.add_column("roster_import_rows", sa.Column("undo_reasons", postgresql.JSONB(), nullable=True))
    op.create_index(
        "ix_roster_import_rows_member",
        "roster_import_rows",
        ["organization_id", "member_id"],
        postgresql_where="member_id IS NOT NULL",
    )
    for table in ("invoices", "billing_omissions"):
        op.create_index(f"ix_{table}_member", table, ["organization_id", "member_id"])
    for table in ("mails", "roles", "invitations"):
        op.create_index(
            f"ix_{table}_member",
            table,
            ["organization_id", "member_id"],
            postgresql_where="member_id IS NOT NULL",
        )
