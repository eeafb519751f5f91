"""Housekeeping: sessions that are over may be deleted."""

from migrations.protection import shared

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    shared("login_sessions", "DELETE")
