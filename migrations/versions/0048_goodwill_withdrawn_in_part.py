"""What is left of goodwill is withdrawn with an entry of its own."""

from migrations.choices import also_allow

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("journal_entries", "posting_decisions"):
        also_allow(table, "event", "event", "credit_note_withdrawn")
