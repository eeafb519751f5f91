"""The members of a pledge class are found without reading every member, also when the class is removed."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_members_pledge_class",
        "members",
        ["organization_id", "pledge_class_id"],
        postgresql_where="pledge_class_id IS NOT NULL",
    )
