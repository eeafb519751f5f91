"""Sign-in: how a session was opened, authenticator apps, recovery codes and passkeys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import shared

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_OWN = "SELECT, INSERT, UPDATE, DELETE"
_MAIL_KINDS = (
    "invoice", "receipt", "payment_failed", "paid_twice", "refund_failed", "reminder", "new_link", "cancellation",
    "invitation", "forgotten_password", "security_notice",
)  # fmt: skip


def upgrade() -> None:
    _sessions()
    _authenticator_apps()
    _passkeys()
    kinds = ", ".join(f"'{kind}'" for kind in _MAIL_KINDS)
    op.drop_constraint(op.f("mailkind"), "mails", type_="check")
    op.create_check_constraint(op.f("mailkind"), "mails", f"kind IN ({kinds})")


def _sessions() -> None:
    op.add_column(
        "login_sessions", sa.Column("methods", postgresql.JSONB(), server_default="[]", nullable=False)
    )
    op.add_column(
        "login_sessions",
        sa.Column(
            "confirmed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
    )
    op.add_column(
        "login_sessions", sa.Column("waiting", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def _authenticator_apps() -> None:
    op.create_table(
        "authenticator_apps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("secret LIKE 'v1.%'", name=op.f("ck_authenticator_apps_secret_is_encrypted")),
        sa.ForeignKeyConstraint(["login_id"], ["logins.id"], name=op.f("fk_authenticator_apps_login_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authenticator_apps")),
        sa.UniqueConstraint("login_id", name=op.f("uq_authenticator_apps_login_id")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["login_id"], ["logins.id"], name=op.f("fk_recovery_codes_login_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("login_id", "number", name=op.f("uq_recovery_codes_login_id_number")),
    )
    shared("authenticator_apps", _OWN)
    shared("recovery_codes", _OWN)


def _passkeys() -> None:
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["login_id"], ["logins.id"], name=op.f("fk_passkeys_login_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    op.create_index(op.f("ix_passkeys_login_id"), "passkeys", ["login_id"], unique=False)
    op.create_table(
        "passkey_challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=True),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["login_id"], ["logins.id"], name=op.f("fk_passkey_challenges_login_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey_challenges")),
    )
    op.create_index(
        op.f("ix_passkey_challenges_expires_at"), "passkey_challenges", ["expires_at"], unique=False
    )
    shared("passkeys", _OWN)
    shared("passkey_challenges", _OWN)
