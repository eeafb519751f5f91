"""Runs the migrations as the owner of the tables, with short lock time-outs so that nobody waits behind them."""

import importlib
import pkgutil

from alembic import context
from sqlalchemy import create_engine, pool, text

import webapp
from webapp.core.db import Base

for module in pkgutil.walk_packages(webapp.__path__, "webapp."):
    if module.name.startswith(("webapp.core.", "webapp.domain.", "webapp.web.request_keys")):
        importlib.import_module(module.name)


def run() -> None:
    engine = create_engine(context.config.attributes["owner_url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '2s'"))
        connection.execute(text("SET statement_timeout = '10min'"))
        connection.execute(text("SELECT pg_advisory_lock(hashtext('duesbook migrations'))"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            compare_server_default=False,
        )
        context.run_migrations()
        connection.commit()


run()
