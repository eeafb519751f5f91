"""The schema can be spread over machines by organization: read from the catalog, by the rules of Citus.

test_tenancy.py has the primary, unique and foreign keys. Here is what else Citus asks for.
"""

import re
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from tests.architecture.test_tenancy import SHARED
from tests.services import Database
from webapp.core.db import Base, new_id

MANUAL = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()


@pytest.fixture
def script(app: Flask) -> list[str]:
    printed = app.test_cli_runner().invoke(args=["duesbook", "distribution"])
    assert printed.exit_code == 0, printed.output
    return printed.output.splitlines()


@pytest.fixture
def catalog(own_database: Database) -> psycopg.Connection:
    with psycopg.connect(own_database.superuser_url) as connection:
        yield connection


def named(script: list[str], pattern: str) -> list[str]:
    return [found[1] for line in script if (found := re.fullmatch(pattern, line))]


def test_the_statements_name_every_table_once(script: list[str], catalog: psycopg.Connection) -> None:
    spread = named(script, r"SELECT create_distributed_table\('(\w+)', 'organization_id'\);")
    everywhere = named(script, r"SELECT create_reference_table\('(\w+)'\);")
    at_home = named(script, r"-- (\w+) stays on the coordinator")
    listed = catalog.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert sorted([*spread, *everywhere, *at_home, "alembic_version"]) == sorted(row[0] for row in listed)
    assert {*everywhere, *at_home, "alembic_version"} == SHARED


def test_the_manual_shows_what_is_not_spread(script: list[str]) -> None:
    block = next(part for part in re.findall(r"```sql\n(.*?)```", MANUAL, re.DOTALL) if "reference" in part)
    shown = [line for line in block.splitlines() if "create_distributed_table" not in line]
    assert shown == [line for line in script if "create_reference_table" in line or line.startswith("--")]


def test_every_foreign_key_is_one_that_citus_keeps(script: list[str], catalog: psycopg.Connection) -> None:
    """Between spread tables with the key in the same place; to tables that are everywhere; never back.

    What is referred to is made first, and nothing is done to the other row when one goes.
    """
    everywhere = named(script, r"SELECT create_reference_table\('(\w+)'\);")
    spread = named(script, r"SELECT create_distributed_table\('(\w+)', 'organization_id'\);")
    keys = catalog.execute(
        """SELECT k.conname, c.relname, r.relname, concat(k.confdeltype, k.confupdtype),
                  mine.attname, other.attname
           FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
           JOIN pg_attribute mine ON mine.attrelid = c.oid AND mine.attnum = k.conkey[1]
           JOIN pg_attribute other ON other.attrelid = r.oid AND other.attnum = k.confkey[1]
           WHERE k.contype = 'f'"""
    ).fetchall()
    assert len(keys) > 50
    for name, table, referred, action, mine, other in keys:
        assert action == "aa", name
        if table not in spread:
            assert referred in everywhere, name
        elif referred in spread:
            assert (mine, other) == ("organization_id", "organization_id"), name
            assert table == referred or spread.index(referred) < spread.index(table), name
        else:
            assert referred in everywhere, name


def test_there_are_no_sequences_views_or_keys_that_exclude_without_the_organization(
    catalog: psycopg.Connection,
) -> None:
    kinds = catalog.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('S', 'v', 'm', 'p', 'f')"
        " AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    excluding = catalog.execute(
        """SELECT k.conname, array_agg(a.attname::text) FROM pg_constraint k
           JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)
           WHERE k.contype = 'x' GROUP BY 1"""
    ).fetchall()
    assert kinds == []
    assert [name for name, columns in excluding if "organization_id" not in columns] == []


def test_the_only_triggers_refuse_and_write_nothing(script: list[str], catalog: psycopg.Connection) -> None:
    """Citus allows triggers on spread tables when told to, and none on tables that are everywhere."""
    spread = named(script, r"SELECT create_distributed_table\('(\w+)', 'organization_id'\);")
    found = catalog.execute(
        "SELECT c.relname, p.proname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal"
    ).fetchall()
    assert {function for _, function in found} == {"refuse_change"}
    assert {table for table, _ in found} <= set(spread)


def test_policies_have_nothing_that_citus_leaves_out_when_it_copies_them(catalog: psycopg.Connection) -> None:
    """It copies for which command, for whom and the conditions, and not that a policy narrows others down."""
    kinds = "SELECT DISTINCT permissive, roles::text FROM pg_policies WHERE schemaname = 'public'"
    assert catalog.execute(kinds).fetchall() == [("PERMISSIVE", "{public}")]


def test_what_the_manual_asks_of_every_shard_is_true_of_every_spread_table(
    script: list[str], catalog: psycopg.Connection
) -> None:
    [asked] = re.findall(r"run_command_on_shards\('invoices', \$\$\n(.*?)\n\$\$\)", MANUAL, re.DOTALL)
    for table in named(script, r"SELECT create_distributed_table\('(\w+)', 'organization_id'\);"):
        assert catalog.execute(asked.replace("%s", table)).fetchall() == [(True,)], table
    unguarded = catalog.execute(asked.replace("%s", "organizations")).fetchall()
    assert unguarded == [(False,)]


def test_policies_without_subqueries_keep_organizations_apart_as_well(
    script: list[str], catalog: psycopg.Connection, own_database: Database
) -> None:
    for statement in script:
        if statement.startswith("ALTER POLICY"):
            catalog.execute(statement)
    subqueries = "SELECT policyname FROM pg_policies WHERE concat(qual, with_check) LIKE '%SELECT%'"
    assert catalog.execute(subqueries).fetchall() == []
    assert len(named(script, r"ALTER POLICY same_organization ON (\w+) .*")) == len(
        set(Base.metadata.tables) - SHARED
    )
    mine, theirs = new_id(), new_id()
    for organization, slug in ((mine, "pi"), (theirs, "rho")):
        catalog.execute(
            "INSERT INTO organizations (id, slug, name, currency, timezone, locale, paper_size, words,"
            " address, how_to_pay, is_demo)"
            " VALUES (%s, %s, 'Pi', 'USD', 'UTC', 'en_US', 'A4', '{}', '', '', false)",
            [organization, slug],
        )
    promise = (
        "INSERT INTO outbox (organization_id, id, name, queue, arguments, state, attempts)"
        " VALUES (%s, gen_random_uuid(), 'daily', 'bulk', '{}', 'queued', 0)"
    )
    for organization in (mine, theirs):
        catalog.execute(promise, [organization])
    catalog.commit()
    with psycopg.connect(own_database.app_url) as connection:
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
        connection.execute(f"SET LOCAL app.organization_id = '{mine}'")
        assert connection.execute("SELECT organization_id FROM outbox").fetchall() == [(mine,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(promise, [theirs])
