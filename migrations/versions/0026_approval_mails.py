"""Mails that say what waits for an approval, and what became of it."""

from migrations.choices import also_allow

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    also_allow("mails", "kind", "mailkind", "approval_waiting", "approval_news")
