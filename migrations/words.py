"""Columns that hold one of some words: what is in the list already stays in it, whoever adds the next."""

import re

import sqlalchemy as sa
from alembic import op


def add_words(table: str, column: str, constraint: str, *words: str) -> None:
    """Let the column hold these as well."""
    found = op.get_bind().execute(
        sa.text(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = to_regclass(:table) AND conname = :constraint"
        ),
        {"table": table, "constraint": constraint},
    )
    known = re.findall(r"'([^']*)'", found.scalar_one())
    every = ", ".join(f"'{word}'" for word in dict.fromkeys([*known, *words]))
    op.drop_constraint(op.f(constraint), table, type_="check")
    op.create_check_constraint(op.f(constraint), table, f"{column} IN ({every})")
