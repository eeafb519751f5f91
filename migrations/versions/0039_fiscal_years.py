"""Fiscal years: with which month they begin, which of them are closed, and what each chapter brought to the
result. The account of the net assets is opened with the first closing, for older code knows no such kind.
"""

import sqlalchemy as sa
from alembic import op

from migrations.choices import also_allow
from migrations.protection import protect

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "organizations",
        sa.Column("fiscal_year_month", sa.BigInteger(), server_default="1", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_organizations_fiscal_year_begins_with_a_month"),
        "organizations",
        "fiscal_year_month BETWEEN 1 AND 12",
    )
    _create_closings()
    _create_parts()
    protect("year_closings", "year_closing_parts")
    also_allow("accounts", "kind", "accountkind", "equity")
    for table in ("journal_entries", "posting_decisions"):
        also_allow(table, "event", "event", "year_closed")


def _create_closings() -> None:
    op.create_table(
        "year_closings",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("result", sa.BigInteger(), nullable=False),
        sa.Column("span_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("closed_by_id", sa.Uuid(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("reopened_by_id", sa.Uuid(), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopening_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("starts_on < ends_on", name=op.f("ck_year_closings_starts_before_it_ends")),
        sa.CheckConstraint(
            "(reopened_at IS NULL) = (reopening_reason IS NULL)",
            name=op.f("ck_year_closings_reopened_exactly_with_a_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "span_id"],
            ["closed_spans.organization_id", "closed_spans.id"],
            name=op.f("fk_year_closings_organization_id_span_id"),
        ),
        sa.ForeignKeyConstraint(["closed_by_id"], ["logins.id"], name=op.f("fk_year_closings_closed_by_id")),
        sa.ForeignKeyConstraint(
            ["reopened_by_id"], ["logins.id"], name=op.f("fk_year_closings_reopened_by_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_year_closings")),
    )
    op.create_index(
        "uq_year_closings_ends_on",
        "year_closings",
        ["organization_id", "ends_on"],
        unique=True,
        postgresql_where=sa.text("reopened_at IS NULL"),
    )


def _create_parts() -> None:
    op.create_table(
        "year_closing_parts",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("closing_id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=True),
        sa.Column("result", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_year_closing_parts_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "closing_id"],
            ["year_closings.organization_id", "year_closings.id"],
            name=op.f("fk_year_closing_parts_organization_id_closing_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_year_closing_parts_organization_id_chapter_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_year_closing_parts")),
    )
    op.create_index("ix_year_closing_parts_closing", "year_closing_parts", ["organization_id", "closing_id"])
