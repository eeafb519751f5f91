"""Chapter health: the score of each chapter for every day, notices about it, and what raises them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.choices import also_allow
from migrations.protection import append_only, protect

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, usual in (("health_below", "50"), ("health_fall", "15")):
        op.add_column("dues_settings", sa.Column(name, sa.BigInteger(), server_default=usual, nullable=True))
    op.create_check_constraint(
        op.f("ck_dues_settings_health_limits_are_points"),
        "dues_settings",
        "health_below BETWEEN 1 AND 100 AND health_fall BETWEEN 1 AND 100",
    )
    _create_scores()
    _create_notices()
    protect("chapter_health_scores", "chapter_health_notices")
    append_only("chapter_health_scores")
    also_allow("mails", "kind", "mailkind", "chapter_health")


def _create_scores() -> None:
    op.create_table(
        "chapter_health_scores",
        *_of_a_chapter("chapter_health_scores"),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("parts", postgresql.JSONB(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "points BETWEEN 0 AND 100", name=op.f("ck_chapter_health_scores_points_of_a_hundred")
        ),
        sa.UniqueConstraint(
            "organization_id",
            "as_of",
            "chapter_id",
            name=op.f("uq_chapter_health_scores_organization_id_as_of_chapter_id"),
        ),
    )


def _create_notices() -> None:
    table = "chapter_health_notices"
    op.create_table(
        table,
        *_of_a_chapter(table),
        sa.Column(
            "kind",
            sa.Enum(
                "below", "fallen", name="noticekind", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("raised_on", sa.Date(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("limit", sa.BigInteger(), nullable=False),
        sa.Column("highest", sa.BigInteger(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint("ended_on > raised_on", name=op.f(f"ck_{table}_ends_on_a_later_day")),
        sa.CheckConstraint(
            "(kind = 'fallen') = (highest IS NOT NULL)", name=op.f(f"ck_{table}_fallen_from_a_height")
        ),
    )
    op.create_index(
        "uq_chapter_health_notices_standing",
        table,
        ["organization_id", "chapter_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_on IS NULL"),
    )


def _of_a_chapter(table: str) -> tuple[sa.Column[Any] | sa.Constraint, ...]:
    return (
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f(f"fk_{table}_organization_id_chapter_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f(f"pk_{table}")),
    )
