"""Housekeeping: sessions that are over may be deleted."""

from migrations.protection import shared

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    shared("login_sessions", "DELETE")
