"""Snapshots: what was owed at the end of a day, by member, chapter and pledge class; never changed."""

import sqlalchemy as sa
from alembic import op

from migrations.protection import append_only, protect

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_AMOUNTS = ("owed", "dues", "current", "days_1_30", "days_31_60", "days_61_90", "over_90")


def upgrade() -> None:
    op.create_table(
        "snapshots",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _AMOUNTS),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("taken_by_id", sa.Uuid(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_snapshots_organization_id")
        ),
        sa.ForeignKeyConstraint(["taken_by_id"], ["logins.id"], name=op.f("fk_snapshots_taken_by_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_snapshots")),
    )
    op.create_index("ix_snapshots_as_of", "snapshots", ["organization_id", "as_of"])
    op.create_index(
        "uq_snapshots_nightly",
        "snapshots",
        ["organization_id", "as_of"],
        unique=True,
        postgresql_where=sa.text("taken_by_id IS NULL"),
    )
    op.create_table(
        "snapshot_lines",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _AMOUNTS),
        sa.Column("snapshot_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=False),
        sa.Column("pledge_class_id", sa.Uuid(), nullable=True),
        sa.Column("invoices", sa.BigInteger(), nullable=False),
        _belongs_to("snapshot_id", "snapshots"),
        _belongs_to("member_id", "members"),
        _belongs_to("chapter_id", "chapters"),
        _belongs_to("pledge_class_id", "pledge_classes"),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_snapshot_lines")),
    )
    op.create_index(
        "ix_snapshot_lines_chapter",
        "snapshot_lines",
        ["organization_id", "snapshot_id", "chapter_id", "member_id"],
    )
    protect("snapshots", "snapshot_lines")
    append_only("snapshots", "snapshot_lines")


def _belongs_to(column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{parent}.organization_id", f"{parent}.id"],
        name=op.f(f"fk_snapshot_lines_organization_id_{column}"),
    )
