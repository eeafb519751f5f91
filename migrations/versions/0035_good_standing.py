"""Good standing: from how old a debt on it ends, who was granted it until when, and the letters that say so."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import protect

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "dues_settings",
        sa.Column("standing_after_days", sa.BigInteger(), server_default="30", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_dues_settings_standing_days_are_not_negative"), "dues_settings", "standing_after_days >= 0"
    )
    _create_waivers()
    _create_letters()
    protect("standing_waivers", "standing_letters")


def _create_waivers() -> None:
    op.create_table(
        "standing_waivers",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("granted_on", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("until >= granted_on", name=op.f("ck_standing_waivers_until_is_not_before")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_standing_waivers_has_a_reason")),
        _of_a_member("standing_waivers"),
        sa.ForeignKeyConstraint(
            ["granted_by_id"], ["logins.id"], name=op.f("fk_standing_waivers_granted_by_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_standing_waivers")),
    )
    op.create_index("ix_standing_waivers_member", "standing_waivers", ["organization_id", "member_id"])


def _create_letters() -> None:
    op.create_table(
        "standing_letters",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("stated_on", sa.Date(), nullable=False),
        sa.Column("stated", postgresql.JSONB(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lapsed_on", sa.Date(), nullable=True),
        _of_a_member("standing_letters"),
        sa.ForeignKeyConstraint(["asked_by_id"], ["logins.id"], name=op.f("fk_standing_letters_asked_by_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_standing_letters")),
        sa.UniqueConstraint(
            "organization_id", "code_hash", name=op.f("uq_standing_letters_organization_id_code_hash")
        ),
    )
    op.create_index("ix_standing_letters_member", "standing_letters", ["organization_id", "member_id"])
    op.create_index(
        "ix_standing_letters_holding",
        "standing_letters",
        ["organization_id", "stated_on"],
        postgresql_where=sa.text("lapsed_on IS NULL"),
    )


def _of_a_member(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", "member_id"],
        ["members.organization_id", "members.id"],
        name=op.f(f"fk_{table}_organization_id_member_id"),
    )
