"""Signs of life of the whole installation: what last happened when, also after Redis forgot everything."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, db


class Sign(StrEnum):
    SCHEDULER = "scheduler"
    BACKUP = "backup"
    RESTORE = "restore"


class SignOfLife(Base):
    """One row per kind of sign, at its latest time."""

    __tablename__ = "signs_of_life"

    sign: Mapped[Sign] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())


def give(sign: Sign) -> None:
    """In the caller's transaction: this happened now."""
    row = insert(SignOfLife).values(sign=sign)
    db.session.execute(row.on_conflict_do_update(index_elements=["sign"], set_={"at": func.now()}))


def seen() -> dict[Sign, datetime]:
    return {sign: at for sign, at in db.session.execute(select(SignOfLife.sign, SignOfLife.at))}
