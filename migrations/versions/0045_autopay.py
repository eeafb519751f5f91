"""Autopay of payment plans: the member's word, each charge of a saved method, and what it is meant for."""

import sqlalchemy as sa
from alembic import op

from migrations.choices import also_allow
from migrations.protection import append_only, protect

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_authorizations()
    _create_charges()
    _create_parts()
    protect("autopay_authorizations", "saved_charges", "saved_charge_parts")
    append_only("saved_charge_parts")
    also_allow("mails", "kind", "mailkind", "autopay")


def _create_authorizations() -> None:
    table = "autopay_authorizations"
    op.create_table(
        table,
        *_ids("organization_id", "id", "plan_id", "method_id"),
        sa.Column("method_label", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        *_ids("given_by_id"),
        _now("given_at"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("words <> ''", name=op.f(f"ck_{table}_said_in_words")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_id IS NULL)", name=op.f(f"ck_{table}_ended_by_somebody")
        ),
        *_belongs_to(table, plan_id="payment_plans", method_id="saved_methods"),
        *(
            sa.ForeignKeyConstraint([column], ["logins.id"], name=op.f(f"fk_{table}_{column}"))
            for column in ("given_by_id", "ended_by_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f(f"pk_{table}")),
    )
    op.create_index(
        "uq_autopay_authorizations_one",
        table,
        ["organization_id", "plan_id"],
        unique=True,
        postgresql_where="ended_at IS NULL",
    )
    op.create_index("ix_autopay_authorizations_plan", table, ["organization_id", "plan_id"])


def _create_charges() -> None:
    table = "saved_charges"
    op.create_table(
        table,
        *_ids("organization_id", "id", "payment_id", "method_id", "plan_id", "installment_id"),
        *_ids("authorization_id"),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("tried_on", sa.Date(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        _now("created_at"),
        sa.CheckConstraint("attempt > 0", name=op.f(f"ck_{table}_attempts_are_counted")),
        *_belongs_to(
            table,
            payment_id="payments",
            method_id="saved_methods",
            plan_id="payment_plans",
            installment_id="payment_plan_installments",
            authorization_id="autopay_authorizations",
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f(f"pk_{table}")),
        _unique(table, "payment_id"),
        _unique(table, "installment_id", "attempt"),
    )
    op.create_index(
        "uq_saved_charges_one_live",
        table,
        ["organization_id", "installment_id"],
        unique=True,
        postgresql_where="live",
    )
    op.create_index("ix_saved_charges_plan", table, ["organization_id", "plan_id"])


def _create_parts() -> None:
    table = "saved_charge_parts"
    op.create_table(
        table,
        *_ids("organization_id", "id", "payment_id", "invoice_id"),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        _now("created_at"),
        sa.CheckConstraint("amount > 0", name=op.f(f"ck_{table}_amount_is_positive")),
        *_belongs_to(table, payment_id="payments", invoice_id="invoices"),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f(f"pk_{table}")),
        _unique(table, "payment_id", "invoice_id"),
    )
    op.create_index("ix_saved_charge_parts_invoice", table, ["organization_id", "invoice_id"])


def _ids(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in names]


def _now(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    named = op.f(f"uq_{table}_organization_id_{'_'.join(columns)}")
    return sa.UniqueConstraint("organization_id", *columns, name=named)


def _belongs_to(table: str, **parents: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            ["organization_id", column],
            [f"{parent}.organization_id", f"{parent}.id"],
            name=op.f(f"fk_{table}_organization_id_{column}"),
        )
        for column, parent in parents.items()
    ]
