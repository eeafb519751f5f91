"""What keeps organizations apart, read from the database's own catalog."""

import re
from pathlib import Path

import psycopg
import pytest

from tests.services import Database
from webapp.core.db import Base

ROOT = Path(__file__).parents[2]
LOGINS = {
    "logins", "login_sessions", "authenticator_apps", "recovery_codes", "passkeys", "passkey_challenges",
    "sign_in_links",
}  # fmt: skip
"""A login may work for several organizations."""
SHARED = LOGINS | {"organizations", "signs_of_life", "alembic_version"}
APPEND_ONLY = {"audit_entries", "posting_decisions", "journal_entries", "postings", "seals"}


@pytest.fixture
def catalog(database: Database) -> psycopg.Connection:
    with psycopg.connect(database.superuser_url) as connection:
        yield connection


def names(catalog: psycopg.Connection, query: str) -> set[str]:
    return {row[0] for row in catalog.execute(query)}


def test_every_table_is_an_organizations_or_on_the_short_list(catalog: psycopg.Connection) -> None:
    tables = names(catalog, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    keyed = names(
        catalog,
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'organization_id' AND is_nullable = 'NO'",
    )
    assert tables - keyed == SHARED
    assert set(Base.metadata.tables) == tables - {"alembic_version"}


@pytest.mark.case("A2")
def test_row_level_security_is_forced_with_a_policy_on_every_organizations_table(
    catalog: psycopg.Connection,
) -> None:
    forced = names(
        catalog,
        "SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid"
        " WHERE c.relrowsecurity AND c.relforcerowsecurity AND p.polname = 'same_organization'"
        " AND pg_get_expr(p.polqual, c.oid) LIKE '%app.organization_id%'"
        " AND pg_get_expr(p.polwithcheck, c.oid) LIKE '%app.organization_id%'",
    )
    assert forced == set(Base.metadata.tables) - SHARED


@pytest.mark.case("A2")
def test_whom_a_transaction_acts_for_is_said_in_one_place_and_for_that_transaction_alone() -> None:
    code = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "webapp").rglob("*.py")}
    assert [name for name, text in code.items() if "app.organization_id" in text] == [
        "webapp/core/tenancy.py"
    ]
    assert [name for name, text in code.items() if re.search(r"\bSET\s+(SESSION\s+)?app\.", text)] == []
    said = re.findall(r"set_config\(.*, (\w+)\)", code["webapp/core/tenancy.py"])
    assert said == ["true"] * 6 + ["True"] * 5


def test_every_key_of_an_organizations_table_holds_the_organization(catalog: psycopg.Connection) -> None:
    loose = catalog.execute(
        """SELECT c.relname, i.relname FROM pg_index x
           JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
           JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = 'public' AND x.indisunique AND c.relname <> ALL(%s)
             AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                 AND a.attname = 'organization_id' AND a.attnum = ANY(x.indkey))""",
        [list(SHARED)],
    ).fetchall()
    assert loose == []


def test_every_foreign_key_between_organizations_tables_holds_the_organization(
    catalog: psycopg.Connection,
) -> None:
    loose = catalog.execute(
        """SELECT c.relname, k.conname FROM pg_constraint k
           JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
           WHERE k.contype = 'f' AND r.relname <> ALL(%s)
             AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                 AND a.attname = 'organization_id' AND a.attnum = ANY(k.conkey))""",
        [list(SHARED)],
    ).fetchall()
    assert loose == []


def test_every_organizations_table_has_the_composite_primary_key(catalog: psycopg.Connection) -> None:
    keys = {
        row[0]: row[1]
        for row in catalog.execute(
            """SELECT c.relname, string_agg(a.attname, ',' ORDER BY array_position(k.conkey, a.attnum))
               FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(k.conkey)
               WHERE k.contype = 'p' AND c.relnamespace = 'public'::regnamespace
                 AND c.relname <> ALL(%s) GROUP BY 1""",
            [list(SHARED)],
        )
    }
    assert set(keys.values()) == {"organization_id,id"}


def test_the_application_role_owns_nothing_and_is_no_superuser(
    catalog: psycopg.Connection, database: Database
) -> None:
    role = catalog.execute(
        "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = 'duesbook_app'"
    ).fetchone()
    assert role == (False, False, False)
    owned = catalog.execute("SELECT count(*) FROM pg_tables WHERE tableowner = 'duesbook_app'").fetchone()
    assert owned == (0,)
    with psycopg.connect(database.app_url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("duesbook_app",)


@pytest.mark.case("A20")
def test_append_only_tables_can_be_changed_neither_by_right_nor_by_their_owner(
    catalog: psycopg.Connection, database: Database
) -> None:
    rights = catalog.execute(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = 'duesbook_app' AND table_name = ANY(%s)"
        " AND privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE')",
        [list(APPEND_ONLY)],
    ).fetchall()
    assert rights == []
    with psycopg.connect(database.owner_url) as connection:
        for table in sorted(APPEND_ONLY):
            for change in (
                f"DELETE FROM {table}",
                f"UPDATE {table} SET id = id",
                f"TRUNCATE {table} CASCADE",
            ):
                with pytest.raises(psycopg.errors.RestrictViolation), connection.transaction():
                    connection.execute(change)
