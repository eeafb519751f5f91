"""Payment methods that members have left with a processor, and whom it knows them as."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import protect

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_STATES = ("opening", "live", "checking", "saved", "given_up", "removed")


def upgrade() -> None:
    _create_customers()
    _create_methods()
    protect("processor_customers", "saved_methods")


def _create_customers() -> None:
    table = "processor_customers"
    op.create_table(
        table,
        *_key(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("processor_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        *_belongs_to(table, member_id="members", processor_id="payment_processors"),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "organization_id",
            "member_id",
            "processor_id",
            name=op.f(f"uq_{table}_organization_id_member_id_processor_id"),
        ),
    )


def _create_methods() -> None:
    table = "saved_methods"
    op.create_table(
        table,
        *_key(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("processor_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("state", _one_of("methodstate", *_STATES), nullable=False),
        sa.Column("asked", postgresql.JSONB(), nullable=False),
        sa.Column("session_reference", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("page_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("kind", _one_of("methodkind", "card", "us_bank_account"), nullable=True),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("last4", sa.Text(), nullable=True),
        sa.Column("good_through", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        *(
            sa.Column(name, sa.DateTime(timezone=True), nullable=True)
            for name in ("saved_at", "removed_at", "detached_at")
        ),
        sa.Column("removed_by_id", sa.Uuid(), nullable=True),
        *_checks(
            table,
            looks_known_once_saved="(saved_at IS NOT NULL) = (reference IS NOT NULL AND kind IS NOT NULL"
            " AND last4 IS NOT NULL) AND (state NOT IN ('saved', 'removed') OR saved_at IS NOT NULL)",
            removed_at_some_time="(state = 'removed') = (removed_at IS NOT NULL)",
            a_live_page_has_an_address="state <> 'live' OR url IS NOT NULL",
        ),
        *_belongs_to(
            table,
            member_id="members",
            processor_id="payment_processors",
            customer_id="processor_customers",
        ),
        sa.ForeignKeyConstraint(["removed_by_id"], ["logins.id"], name=op.f(f"fk_{table}_removed_by_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f(f"pk_{table}")),
    )
    _index(
        "uq_saved_methods_one_unfinished",
        table,
        "member_id",
        unique=True,
        where="state IN ('opening', 'live')",
    )
    _index(
        "uq_saved_methods_reference",
        table,
        "processor_id",
        "reference",
        unique=True,
        where="reference IS NOT NULL",
    )
    _index("ix_saved_methods_member", table, "member_id")


def _index(name: str, table: str, *columns: str, unique: bool = False, where: str | None = None) -> None:
    options = {"postgresql_where": where} if where else {}
    op.create_index(name, table, ["organization_id", *columns], unique=unique, **options)


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
