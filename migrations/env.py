"""Runs the migrations as the owner of the tables, with short lock time-outs so that nobody waits behind them."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from webapp.core.cursor import engine_options


def run() -> None:
    engine = create_engine(
        context.config.attributes["owner_url"], poolclass=pool.NullPool, **engine_options()
    )
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '2s'"))
        connection.execute(text("SET statement_timeout = '10min'"))
        connection.execute(text("SELECT pg_advisory_lock(hashtext('duesbook migrations'))"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=context.config.attributes.get("metadata"),
            transaction_per_migration=True,
        )
        context.run_migrations()
        connection.commit()


run()
