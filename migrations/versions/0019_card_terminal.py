"""Money taken with a card terminal is recorded like a check."""

from migrations.choices import also_allow

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    also_allow("payments", "method", "method", "card_terminal")
