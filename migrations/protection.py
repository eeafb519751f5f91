"""What every table gets beside its columns: row-level security and the rights of the application's role."""

from alembic import op

ROLE = "duesbook_app"
_HERE = "organization_id = (SELECT nullif(current_setting('app.organization_id', true), '')::uuid)"
_MINE = "login_id = (SELECT nullif(current_setting('app.login_id', true), '')::uuid)"
_PLATFORM = "(SELECT current_setting('app.platform', true)) = 'on'"


def create_role() -> None:
    """The application's role, unless an operator has made it with a password of its own."""
    op.execute(
        f"""DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
                CREATE ROLE {ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
            END IF;
            IF NOT pg_has_role(current_user, '{ROLE}', 'MEMBER') THEN
                EXECUTE format('GRANT {ROLE} TO %I', current_user);
            END IF;
        EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
        END $$"""
    )
    op.execute(f"GRANT USAGE ON SCHEMA public TO {ROLE}")


def protect(*tables: str) -> None:
    """The rows of one organization are there for transactions that act for it, and for nobody else."""
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY same_organization ON {table} USING ({_HERE}) WITH CHECK ({_HERE})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLE}")


def append_only(*tables: str) -> None:
    """Rows that are never changed or deleted, not even by the owner of the table."""
    for table in tables:
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {ROLE}")
        op.execute(
            f"CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def create_refusal() -> None:
    op.execute(
        """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: reverse it with a new row instead', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$"""
    )


def also_visible_to_its_login(table: str) -> None:
    """A signed-in person may list the own roles in every organization."""
    op.execute(f"CREATE POLICY own_rows ON {table} FOR SELECT USING ({_MINE})")


def also_visible_to_the_platform(table: str) -> None:
    """The sweeper looks for stuck work across organizations; such rows hold ids only."""
    op.execute(f"CREATE POLICY platform ON {table} USING ({_PLATFORM}) WITH CHECK ({_PLATFORM})")


def shared(table: str, rights: str) -> None:
    """A table that belongs to no organization."""
    op.execute(f"GRANT {rights} ON {table} TO {ROLE}")
