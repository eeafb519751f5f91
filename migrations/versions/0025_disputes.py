"""Disputes and returned debits: what the payer's bank contests, how it reached the books, and our answers."""

import sqlalchemy as sa
from alembic import op

from migrations.choices import also_allow
from migrations.protection import protect

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_STATES = (
    "inquiry", "inquiry_answered", "inquiry_closed", "needs_response", "under_review", "won", "lost", "settled",
)  # fmt: skip


def upgrade() -> None:
    _disputes()
    _entries()
    _answers()
    protect("disputes", "dispute_entries", "dispute_answers")
    for table in ("journal_entries", "posting_decisions"):
        also_allow(table, "event", "event", "dispute_moved", "dispute_lost", "dispute_regained")
    also_allow("mails", "kind", "mailkind", "dispute")


def _disputes() -> None:
    op.create_table(
        "disputes",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("kind", _words("disputekind", "chargeback", "returned_debit"), nullable=False),
        sa.Column("state", _words("disputestate", *_STATES), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("lost", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answers", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_disputes_amount_is_positive")),
        sa.CheckConstraint(
            "lost BETWEEN 0 AND withdrawn", name=op.f("ck_disputes_only_what_was_withdrawn_is_lost")
        ),
        sa.CheckConstraint(
            "taken BETWEEN 0 AND lost", name=op.f("ck_disputes_only_what_was_lost_is_owed_again")
        ),
        sa.CheckConstraint("held >= 0", name=op.f("ck_disputes_held_is_not_negative")),
        _within("disputes", "payment_id", "payments"),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_disputes")),
    )
    op.create_index(
        "uq_disputes_reference", "disputes", ["organization_id", "payment_id", "reference"], unique=True
    )
    op.create_index(
        "ix_disputes_waiting",
        "disputes",
        ["organization_id", "answer_by"],
        unique=False,
        postgresql_where="state IN ('inquiry', 'needs_response')",
    )


def _entries() -> None:
    kinds = _words("entrykind", "withdrawn", "reinstated", "fee", "lost", "regained", "covered")
    op.create_table(
        "dispute_entries",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dispute_id", sa.Uuid(), nullable=False),
        sa.Column("kind", kinds, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "amount >= 0 AND (amount > 0 OR fee <> 0)", name=op.f("ck_dispute_entries_moves_something")
        ),
        sa.CheckConstraint(
            "(reference IS NULL) = (kind IN ('lost', 'regained', 'covered'))",
            name=op.f("ck_dispute_entries_its_money_has_a_reference"),
        ),
        _within("dispute_entries", "dispute_id", "disputes"),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_dispute_entries")),
    )
    op.create_index(
        "uq_dispute_entries_reference",
        "dispute_entries",
        ["organization_id", "dispute_id", "reference"],
        unique=True,
        postgresql_where="reference IS NOT NULL",
    )
    op.create_index(
        "ix_dispute_entries_dispute", "dispute_entries", ["organization_id", "dispute_id"], unique=False
    )


def _answers() -> None:
    op.create_table(
        "dispute_answers",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("dispute_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _words("answerkind", "evidence", "acceptance"), nullable=False),
        sa.Column("statement", sa.Text(), nullable=True),
        sa.Column("state", _words("answerstate", "promised", "sent", "refused"), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("promised_by_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'evidence') = (statement IS NOT NULL)",
            name=op.f("ck_dispute_answers_evidence_has_words"),
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_dispute_answers_a_refusal_says_why")
        ),
        _within("dispute_answers", "dispute_id", "disputes"),
        sa.ForeignKeyConstraint(
            ["promised_by_id"], ["logins.id"], name=op.f("fk_dispute_answers_promised_by_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_dispute_answers")),
    )
    op.create_index(
        "uq_dispute_answers_promised",
        "dispute_answers",
        ["organization_id", "dispute_id"],
        unique=True,
        postgresql_where="state = 'promised'",
    )
    op.create_index(
        "ix_dispute_answers_dispute", "dispute_answers", ["organization_id", "dispute_id"], unique=False
    )


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def _within(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{target}.organization_id", f"{target}.id"],
        name=op.f(f"fk_{table}_organization_id_{column}"),
    )
