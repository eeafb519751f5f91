"""The approval queue: requests, the policy's limits, and who decides in whose place."""

import sqlalchemy as sa
from alembic import op

from migrations.protection import ROLE, protect

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_ACTIONS = ("refund", "adjustment", "write_off", "credit_release")
_STATES = ("pending", "held", "asked_back", "approved", "denied", "withdrawn")
_DECIDED = "state IN ('approved', 'denied')"
_DECISION = "state, remark, decided_by_id, decided_by_token_id, decided_at, decision_reason"


def upgrade() -> None:
    op.create_table(
        "approval_policies",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "role", _one_of("rolename", "national_admin", "treasurer", "auditor", "member"), nullable=False
        ),
        sa.Column("action", _one_of("action", *_ACTIONS), nullable=False),
        sa.Column("right", _one_of("right", "alone", "second"), nullable=False),
        sa.Column("up_to", sa.BigInteger(), nullable=True),
        sa.Column("set_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "role IN ('national_admin', 'treasurer')", name=op.f("ck_approval_policies_an_officer")
        ),
        sa.CheckConstraint(
            "NOT (role = 'national_admin' AND \"right\" = 'second')"
            " AND NOT (role = 'treasurer' AND action = 'refund' AND \"right\" = 'alone')",
            name=op.f("ck_approval_policies_not_settled_elsewhere"),
        ),
        sa.CheckConstraint("up_to >= 0", name=op.f("ck_approval_policies_limit_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_approval_policies_organization_id")
        ),
        sa.ForeignKeyConstraint(["set_by_id"], ["logins.id"], name=op.f("fk_approval_policies_set_by_id")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_approval_policies")),
        sa.UniqueConstraint(
            "organization_id",
            "role",
            "action",
            "right",
            name=op.f("uq_approval_policies_organization_id_role_action_right"),
        ),
    )
    op.create_table(
        "approval_delegations",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("from_id <> to_id", name=op.f("ck_approval_delegations_to_somebody_else")),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by_id IS NULL)",
            name=op.f("ck_approval_delegations_revoked_by_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_approval_delegations_organization_id")
        ),
        *(
            sa.ForeignKeyConstraint([column], ["logins.id"], name=op.f(f"fk_approval_delegations_{column}"))
            for column in ("from_id", "to_id", "revoked_by_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_approval_delegations")),
    )
    op.create_index(
        "ix_approval_delegations_to",
        "approval_delegations",
        ["organization_id", "to_id"],
        postgresql_where="revoked_at IS NULL",
    )
    _create_requests()
    protect("approval_policies", "approval_delegations", "approval_requests")
    op.execute(f"REVOKE UPDATE, DELETE ON approval_requests FROM {ROLE}")
    op.execute(f"GRANT UPDATE ({_DECISION}) ON approval_requests TO {ROLE}")


def _create_requests() -> None:
    op.create_table(
        "approval_requests",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action", _one_of("action", *_ACTIONS), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("order", sa.Text(), nullable=False),
        sa.Column("order_digest", sa.Text(), nullable=False),
        sa.Column("cap", sa.BigInteger(), nullable=True),
        sa.Column("requested_by_id", sa.Uuid(), nullable=True),
        sa.Column("requested_by_token_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", _one_of("approvalstate", *_STATES), nullable=False),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by_token_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_approval_requests_{name}"))
            for name, rule in {
                "four_eyes": "decided_by_id <> requested_by_id",
                "decided_exactly_when_approved_or_denied": f"({_DECIDED}) = (decided_at IS NOT NULL)"
                f" AND ({_DECIDED}) = (decided_by_id IS NOT NULL)",
                "denied_with_a_reason": "state <> 'denied' OR decision_reason <> ''",
                "digest_is_the_orders": "order_digest = encode(sha256(convert_to(\"order\", 'UTF8')), 'hex')",
                "amount_is_positive": "amount > 0",
                "cap_is_not_negative": "cap >= 0",
                "asked_with_a_reason": "reason <> ''",
            }.items()
        ),
        *(
            sa.ForeignKeyConstraint(
                ["organization_id", column],
                [f"{table}.organization_id", f"{table}.id"],
                name=op.f(f"fk_approval_requests_organization_id_{column}"),
            )
            for column, table in {
                "member_id": "members",
                "chapter_id": "chapters",
                "invoice_id": "invoices",
                "payment_id": "payments",
                "requested_by_token_id": "api_tokens",
                "decided_by_token_id": "api_tokens",
            }.items()
        ),
        *(
            sa.ForeignKeyConstraint([column], ["logins.id"], name=op.f(f"fk_approval_requests_{column}"))
            for column in ("requested_by_id", "decided_by_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_approval_requests")),
    )
    op.create_index(
        "uq_approval_requests_open_subject",
        "approval_requests",
        ["organization_id", "action", "subject_id"],
        unique=True,
        postgresql_where="state IN ('pending', 'held', 'asked_back')",
    )
    for name, column in {"state": "state", "member": "member_id", "requested_by": "requested_by_id"}.items():
        columns = ["organization_id", column, "id"] if column == "state" else ["organization_id", column]
        op.create_index(f"ix_approval_requests_{name}", "approval_requests", columns)


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
