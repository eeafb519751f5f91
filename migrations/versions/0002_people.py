"""People: chapters, members, roles and rosters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import also_visible_to_its_login, protect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chapters",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("code = upper(code) AND code <> ''", name=op.f("ck_chapters_code_is_upper_case")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_chapters_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_chapters")),
        sa.UniqueConstraint("organization_id", "code", name=op.f("uq_chapters_organization_id_code")),
    )
    op.create_table(
        "member_statuses",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("billable", sa.Boolean(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_member_statuses_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_member_statuses")),
        sa.UniqueConstraint("organization_id", "code", name=op.f("uq_member_statuses_organization_id_code")),
    )
    op.create_table(
        "pledge_classes",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_pledge_classes_organization_id_chapter_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_pledge_classes")),
        sa.UniqueConstraint(
            "organization_id",
            "chapter_id",
            "name",
            name=op.f("uq_pledge_classes_organization_id_chapter_id_name"),
        ),
    )
    op.create_table(
        "members",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=False),
        sa.Column("status_id", sa.Uuid(), nullable=False),
        sa.Column("pledge_class_id", sa.Uuid(), nullable=True),
        sa.Column("joined_on", sa.Date(), nullable=True),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column("ownership_share", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("payroll_deduction", sa.Boolean(), nullable=False),
        sa.Column("more", postgresql.JSONB(), nullable=False),
        sa.Column("changed_by_hand", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=True),
        sa.Column("reminders_paused_until", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("ownership_share >= 0", name=op.f("ck_members_share_is_not_negative")),
        sa.ForeignKeyConstraint(["login_id"], ["logins.id"], name=op.f("fk_members_login_id")),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_members_organization_id_chapter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "pledge_class_id"],
            ["pledge_classes.organization_id", "pledge_classes.id"],
            name=op.f("fk_members_organization_id_pledge_class_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "status_id"],
            ["member_statuses.organization_id", "member_statuses.id"],
            name=op.f("fk_members_organization_id_status_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_members")),
        sa.UniqueConstraint("organization_id", "number", name=op.f("uq_members_organization_id_number")),
    )
    op.create_index(
        "ix_members_chapter", "members", ["organization_id", "chapter_id", "last_name"], unique=False
    )
    op.create_index("ix_members_email", "members", ["organization_id", "email"], unique=False)
    op.create_index("ix_members_login", "members", ["login_id"], unique=False)
    op.create_table(
        "roles",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "national_admin",
                "treasurer",
                "auditor",
                "member",
                name="rolename",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("chapter_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(role = 'member') = (member_id IS NOT NULL)", name=op.f("ck_roles_member_goes_with_member")
        ),
        sa.CheckConstraint(
            "(role = 'treasurer') = (chapter_id IS NOT NULL)",
            name=op.f("ck_roles_chapter_goes_with_treasurer"),
        ),
        sa.ForeignKeyConstraint(["login_id"], ["logins.id"], name=op.f("fk_roles_login_id")),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_roles_organization_id_chapter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "member_id"],
            ["members.organization_id", "members.id"],
            name=op.f("fk_roles_organization_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_roles_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_roles")),
    )
    op.create_index("ix_roles_login", "roles", ["login_id"], unique=False)
    op.create_index(
        "uq_roles_once",
        "roles",
        ["organization_id", "login_id", "role", "chapter_id", "member_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "invitations",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "national_admin",
                "treasurer",
                "auditor",
                "member",
                name="rolename",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("chapter_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("invited_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(role = 'treasurer') = (chapter_id IS NOT NULL)",
            name=op.f("ck_invitations_chapter_goes_with_treasurer"),
        ),
        sa.CheckConstraint(
            "(role = 'member') = (member_id IS NOT NULL)",
            name=op.f("ck_invitations_member_goes_with_member"),
        ),
        sa.ForeignKeyConstraint(["invited_by_id"], ["logins.id"], name=op.f("fk_invitations_invited_by_id")),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_invitations_organization_id_chapter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "member_id"],
            ["members.organization_id", "members.id"],
            name=op.f("fk_invitations_organization_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_invitations_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_invitations")),
    )
    op.create_index(
        "uq_invitations_open",
        "invitations",
        ["organization_id", "email", "role", "chapter_id", "member_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where="accepted_at IS NULL AND withdrawn_at IS NULL",
    )
    op.create_index(
        "uq_invitations_token_hash", "invitations", ["organization_id", "token_hash"], unique=True
    )
    op.create_table(
        "api_tokens",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["created_by_id"], ["logins.id"], name=op.f("fk_api_tokens_created_by_id")),
        sa.ForeignKeyConstraint(["login_id"], ["logins.id"], name=op.f("fk_api_tokens_login_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_api_tokens_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_api_tokens")),
    )
    op.create_index("uq_api_tokens_token_hash", "api_tokens", ["organization_id", "token_hash"], unique=True)
    op.create_table(
        "column_mappings",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("header_key", sa.Text(), nullable=False),
        sa.Column("mapping", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_column_mappings_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_column_mappings")),
        sa.UniqueConstraint(
            "organization_id", "header_key", name=op.f("uq_column_mappings_organization_id_header_key")
        ),
    )
    op.create_table(
        "roster_imports",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chapter_id", sa.Uuid(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("mapping", postgresql.JSONB(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "uploaded",
                "checked",
                "running",
                "done",
                "failed",
                name="importstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("done_rows", sa.BigInteger(), nullable=False),
        sa.Column("total_rows", sa.BigInteger(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["logins.id"], name=op.f("fk_roster_imports_created_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "chapter_id"],
            ["chapters.organization_id", "chapters.id"],
            name=op.f("fk_roster_imports_organization_id_chapter_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_roster_imports_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_roster_imports")),
    )
    op.create_table(
        "roster_import_rows",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "created",
                "updated",
                "unchanged",
                "refused",
                name="rowoutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("values", postgresql.JSONB(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.Column("changes", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "import_id"],
            ["roster_imports.organization_id", "roster_imports.id"],
            name=op.f("fk_roster_import_rows_organization_id_import_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_roster_import_rows")),
    )
    op.create_index(
        "uq_roster_import_rows_line",
        "roster_import_rows",
        ["organization_id", "import_id", "line"],
        unique=True,
    )

    protect(
        "chapters",
        "member_statuses",
        "pledge_classes",
        "members",
        "roles",
        "invitations",
        "api_tokens",
        "column_mappings",
        "roster_imports",
        "roster_import_rows",
    )
    also_visible_to_its_login("roles")
