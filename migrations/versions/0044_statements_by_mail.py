"""Statements to many members at once, by mail or on paper; and who asked not to get them by mail."""

import sqlalchemy as sa
from alembic import op

from migrations.choices import also_allow

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "members", sa.Column("statements_by_mail", sa.Boolean(), server_default="true", nullable=False)
    )
    also_allow("bulk_actions", "kind", "bulkkind", "mail_statements")
    also_allow("mails", "kind", "mailkind", "statement")
    _let_results_be_of_members()
    _let_stacks_be_of_mailings()


def _let_results_be_of_members() -> None:
    table = "bulk_results"
    op.alter_column(table, "invoice_id", nullable=True)
    op.add_column(table, sa.Column("member_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_bulk_results_organization_id_member_id"),
        table,
        "members",
        ["organization_id", "member_id"],
        ["organization_id", "id"],
    )
    op.create_check_constraint(
        op.f("ck_bulk_results_of_an_invoice_or_a_member"), table, "num_nonnulls(invoice_id, member_id) = 1"
    )
    op.create_unique_constraint(
        op.f("uq_bulk_results_organization_id_action_id_member_id"),
        table,
        ["organization_id", "action_id", "member_id"],
    )
    op.create_index(
        "ix_bulk_results_member",
        table,
        ["organization_id", "member_id"],
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )


def _let_stacks_be_of_mailings() -> None:
    table = "letter_stacks"
    op.alter_column(table, "run_id", nullable=True)
    op.add_column(table, sa.Column("action_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_letter_stacks_organization_id_action_id"),
        table,
        "bulk_actions",
        ["organization_id", "action_id"],
        ["organization_id", "id"],
    )
    op.create_check_constraint(
        op.f("ck_letter_stacks_of_a_run_or_a_mailing"), table, "num_nonnulls(run_id, action_id) = 1"
    )
    op.create_unique_constraint(
        op.f("uq_letter_stacks_organization_id_action_id_position"),
        table,
        ["organization_id", "action_id", "position"],
    )
