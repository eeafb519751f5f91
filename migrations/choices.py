"""A column that holds one of a list of words learns more of them."""

import re

import sqlalchemy as sa
from alembic import op

_LISTED = sa.text(
    "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE conrelid = CAST(:named AS regclass) AND conname = :constraint"
)


def also_allow(table: str, column: str, constraint: str, *words: str) -> None:
    """Beside those that the database allows by now, so that no migration has to know the others."""
    listed = op.get_bind().execute(_LISTED, {"named": table, "constraint": constraint}).scalar_one()
    allowed = dict.fromkeys([*re.findall(r"'([^']+)'", listed), *words])
    op.drop_constraint(op.f(constraint), table, type_="check")
    op.create_check_constraint(
        op.f(constraint), table, f"{column} IN ({', '.join(repr(word) for word in allowed)})"
    )
