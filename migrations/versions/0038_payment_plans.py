"""Payment plans: unpaid invoices in dated parts, what they contain, their installments and their interest."""

import sqlalchemy as sa
from alembic import op

from migrations.choices import also_allow
from migrations.protection import append_only, protect

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_STATES = (
    *("waiting", "proposed", "active", "completed", "defaulted"),
    *("refused", "withdrawn", "cancelled", "superseded"),
)
_AGREED = "state IN ('active', 'completed', 'defaulted', 'cancelled', 'superseded')"
_OPEN = "state IN ('waiting', 'proposed')"


def upgrade() -> None:
    op.add_column("invoices", sa.Column("on_plan", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("checkouts", sa.Column("part", sa.Boolean(), server_default="false", nullable=False))
    op.add_column(
        "dues_settings",
        sa.Column("plan_tolerance_days", sa.BigInteger(), server_default="10", nullable=False),
    )
    _create_plans()
    _create_invoices()
    _create_installments()
    _create_interest()
    protect("payment_plans", "payment_plan_invoices", "payment_plan_installments", "payment_plan_interest")
    append_only("payment_plan_installments", "payment_plan_interest")
    also_allow("approval_policies", "action", "action", "payment_plan")
    also_allow("approval_requests", "action", "action", "payment_plan")
    also_allow("journal_entries", "event", "event", "plan_interest")
    also_allow("posting_decisions", "event", "event", "plan_interest")
    also_allow("mails", "kind", "mailkind", "payment_plan", "installment")


def _create_plans() -> None:
    table = "payment_plans"
    op.create_table(
        table,
        *_key(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("state", _one_of("planstate", *_STATES), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("down_payment", sa.BigInteger(), nullable=False),
        sa.Column("installments", sa.BigInteger(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("payment_day", sa.BigInteger(), nullable=False),
        sa.Column("interest_rate", sa.Numeric(6, 3), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by_member", sa.Boolean(), nullable=False),
        sa.Column("proposed_by_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("accepted_on", sa.Date(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ending", sa.Text(), nullable=True),
        *_checks(
            table,
            parts_of_a_sum="total > 0 AND down_payment >= 0 AND down_payment < total",
            so_many_installments="installments BETWEEN 1 AND 60",
            a_day_of_the_month="payment_day BETWEEN 1 AND 31",
            a_yearly_rate="interest_rate > 0 AND interest_rate <= 100",
            agreed_when_accepted=f"({_AGREED}) = (accepted_at IS NOT NULL)"
            f" AND ({_AGREED}) = (accepted_on IS NOT NULL)",
            two_sides="accepted_by_id <> proposed_by_id",
            ended_on_a_day=f"({_OPEN} OR state = 'active') = (ended_on IS NULL)",
        ),
        *_belongs_to(table, member_id="members", chapter_id="chapters", replaces_id="payment_plans"),
        *(
            sa.ForeignKeyConstraint([column], ["logins.id"], name=op.f(f"fk_payment_plans_{column}"))
            for column in ("proposed_by_id", "accepted_by_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_payment_plans")),
    )
    op.create_index(
        "uq_payment_plans_one_successor",
        table,
        ["organization_id", "replaces_id"],
        unique=True,
        postgresql_where=f"{_OPEN} AND replaces_id IS NOT NULL",
    )
    op.create_index("ix_payment_plans_member", table, ["organization_id", "member_id"])
    op.create_index("ix_payment_plans_chapter", table, ["organization_id", "chapter_id", "id"])
    op.create_index(
        "ix_payment_plans_active", table, ["organization_id"], postgresql_where="state = 'active'"
    )


def _create_invoices() -> None:
    table = "payment_plan_invoices"
    op.create_table(
        table,
        *_key(),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("settled_before", sa.BigInteger(), nullable=True),
        sa.Column("living", sa.Boolean(), nullable=False),
        *_checks(table, amount_is_positive="amount > 0"),
        *_belongs_to(table, plan_id="payment_plans", invoice_id="invoices"),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "organization_id",
            "plan_id",
            "invoice_id",
            name=op.f(f"uq_{table}_organization_id_plan_id_invoice_id"),
        ),
    )
    op.create_index(
        "uq_payment_plan_invoices_living",
        table,
        ["organization_id", "invoice_id"],
        unique=True,
        postgresql_where="living",
    )
    op.create_index("ix_payment_plan_invoices_invoice", table, ["organization_id", "invoice_id"])


def _create_installments() -> None:
    table = "payment_plan_installments"
    op.create_table(
        table,
        *_key(),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        *_checks(table, amount_is_positive="amount > 0"),
        *_belongs_to(table, plan_id="payment_plans"),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "organization_id",
            "plan_id",
            "position",
            name=op.f(f"uq_{table}_organization_id_plan_id_position"),
        ),
    )
    op.create_index("ix_payment_plan_installments_due", table, ["organization_id", "due_on"])


def _create_interest() -> None:
    table = "payment_plan_interest"
    op.create_table(
        table,
        *_key(),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("installment_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("day_balances", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.Numeric(6, 3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("charged_on", sa.Date(), nullable=False),
        *_checks(
            table,
            sums_are_not_negative="amount >= 0 AND day_balances >= 0",
            what_it_charged_is_a_line="(amount > 0) = (line_id IS NOT NULL)"
            " AND (amount > 0) = (invoice_id IS NOT NULL)",
        ),
        *_belongs_to(
            table,
            plan_id="payment_plans",
            installment_id="payment_plan_installments",
            invoice_id="invoices",
            line_id="invoice_lines",
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "organization_id", "installment_id", name=op.f(f"uq_{table}_organization_id_installment_id")
        ),
    )
    op.create_index("ix_payment_plan_interest_plan", table, ["organization_id", "plan_id"])
    op.create_index("ix_payment_plan_interest_invoice", table, ["organization_id", "invoice_id"])


def _key() -> list[sa.Column]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in ("organization_id", "id")]


def _checks(table: str, **rules: str) -> list[sa.CheckConstraint]:
    return [sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in rules.items()]


def _belongs_to(table: str, **parents: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            ["organization_id", column],
            [f"{parent}.organization_id", f"{parent}.id"],
            name=op.f(f"fk_{table}_organization_id_{column}"),
        )
        for column, parent in parents.items()
    ]


def _one_of(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)
