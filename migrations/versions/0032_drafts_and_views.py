"""What people keep for themselves: views of lists, and what they typed when their session ended."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations.protection import protect

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _drafts()
    _saved_views()
    protect("drafts", "saved_views")


def _drafts() -> None:
    op.create_table(
        "drafts",
        *_whose("drafts"),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("fields LIKE 'v1.%'", name=op.f("ck_drafts_fields_are_encrypted")),
        sa.UniqueConstraint(
            "organization_id", "login_id", "address", name=op.f("uq_drafts_organization_id_login_id_address")
        ),
    )
    op.create_index("ix_drafts_created_at", "drafts", ["organization_id", "created_at"])


def _saved_views() -> None:
    op.create_table(
        "saved_views",
        *_whose("saved_views"),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("is_usual", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.UniqueConstraint(
            "organization_id",
            "login_id",
            "address",
            "name",
            name=op.f("uq_saved_views_organization_id_login_id_address_name"),
        ),
    )
    op.create_index(
        "uq_saved_views_usual",
        "saved_views",
        ["organization_id", "login_id", "address"],
        unique=True,
        postgresql_where=sa.text("is_usual"),
    )


def _whose(table: str) -> list[Any]:
    return [
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f(f"fk_{table}_organization_id")
        ),
        sa.ForeignKeyConstraint(["login_id"], ["logins.id"], name=op.f(f"fk_{table}_login_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f(f"pk_{table}")),
    ]
