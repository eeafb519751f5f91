import psycopg

from tests.services import Database
from webapp.adapters import schema
from webapp.core.db import Base


def test_the_migrations_make_exactly_the_tables_that_the_models_describe(empty_database: Database) -> None:
    schema.upgrade(empty_database.owner_url)
    schema.check(empty_database.owner_url, Base.metadata)


def test_migrating_again_changes_nothing(empty_database: Database) -> None:
    schema.upgrade(empty_database.owner_url)
    before = tables_and_version(empty_database)
    schema.upgrade(empty_database.owner_url)
    assert tables_and_version(empty_database) == before


def tables_and_version(database: Database) -> list[tuple[str, ...]]:
    with psycopg.connect(database.owner_url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        version = connection.execute("SELECT version_num FROM alembic_version")
        return [*tables.fetchall(), *version.fetchall()]
