"""Ids that the database makes, a row at a time."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Text, Uuid, cast, func, literal

from webapp.core.db import new_id


def new_ids() -> ColumnElement[UUID]:
    """A UUIDv7 per row: this moment in front, so that rows made together lie together in every index."""
    return _begun_with(literal(new_id().hex[:13]))


def ids_at(moment: ColumnElement[Any]) -> ColumnElement[UUID]:
    """A UUIDv7 per row with the row's own moment in front, for what happened before it was written down."""
    milliseconds = cast(func.extract("epoch", moment) * 1000, BigInteger())
    return _begun_with(func.lpad(func.to_hex(milliseconds), 12, "0") + "7")


def _begun_with(front: ColumnElement[str]) -> ColumnElement[UUID]:
    random = func.replace(cast(func.gen_random_uuid(), Text()), "-", "")
    return cast(front + func.substr(random, 14), Uuid())
