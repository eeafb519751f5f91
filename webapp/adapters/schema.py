"""Bringing a database's schema up to date, and comparing it with the models."""

from pathlib import Path

from alembic import command
from alembic.config import Config

_MIGRATIONS = Path(__file__).parents[2] / "migrations"


def _config(owner_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.set_main_option("prepend_sys_path", str(_MIGRATIONS.parent))
    config.attributes["owner_url"] = owner_url
    return config


def upgrade(owner_url: str) -> None:
    """Run every migration that is missing. Safe to run twice and from two places at once."""
    command.upgrade(_config(owner_url), "head")


def check(owner_url: str) -> None:
    """Raises alembic's CommandError when the models and the database differ."""
    command.check(_config(owner_url))
