"""Lists of those with the largest amount first: page by page, and what they come to."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Select, and_, cast, func, or_, select

from webapp.core import keyset
from webapp.core.db import db


class Key(NamedTuple):
    """Where one stands."""

    amount: int
    id: UUID

    @classmethod
    def read(cls, text: str | None) -> "Key | None":
        """The key that `str(key)` wrote; None when it is none."""
        found = keyset.read(text, cls, int, UUID)
        return found if found and abs(found.amount) < 2**63 else None

    def __str__(self) -> str:
        return keyset.written(self)


def ordered(found: Select[Any], by: str, *, after: Key | None = None) -> Select[Any]:
    """What is found, by its column of this name and then its `id`; from the given one on."""
    each = found.order_by(None).subquery("each")
    amount, wanted = each.c[by], select(each)
    if after is not None:
        wanted = wanted.where(or_(amount < after.amount, and_(amount == after.amount, each.c.id > after.id)))
    return wanted.order_by(amount.desc(), each.c.id)


def count_and_sum(found: Select[Any], by: str) -> tuple[int, int]:
    each = found.order_by(None).subquery("each")
    whole = cast(func.coalesce(func.sum(each.c[by]), 0), BigInteger)
    count, amount = db.session.execute(select(func.count(), whole).select_from(each)).one()
    return count, amount
