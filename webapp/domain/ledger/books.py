"""What a transaction that holds the books open knows of them: currency, accounts and closed days.

Read once, it stays true until the transaction ends, for nobody else closes a day meanwhile.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import SessionTransaction

from webapp.core.db import db

_KNOWN = "books"


@dataclass(frozen=True)
class Books:
    """As JSON has it: accounts are ids by code, and each closed span is its first and its last day."""

    currency: str
    accounts: Mapping[str, str]
    closed: Sequence[tuple[str, str]]

    def ids_of(self, codes: Iterable[str]) -> dict[str, UUID]:
        """Of those that have an account."""
        return {code: UUID(self.accounts[code]) for code in codes if code in self.accounts}

    def closed_until(self, on: date) -> date | None:
        """The last day of the closed span that this day lies in, if it lies in one."""
        day = on.isoformat()
        ends = [last for first, last in self.closed if first <= day <= last]
        return date.fromisoformat(max(ends)) if ends else None


def know(said: str) -> Books:
    """What a question said that has BOOKS among its columns and was asked while they were held open."""
    told = json.loads(said)
    books = Books(told["currency"], told["accounts"] or {}, told["closed"] or [])
    db.session().info[_KNOWN] = holder(), books
    return books


def known() -> Books | None:
    """By whoever holds them now."""
    by, books = db.session().info.get(_KNOWN, (None, None))
    return books if by is holder() else None


def forget() -> None:
    """Days are closed or opened by this very transaction."""
    db.session().info.pop(_KNOWN, None)


def holder() -> SessionTransaction:
    """The transaction that is open now, or its savepoint: what is held or known since ends with it."""
    session = db.session()
    return session.get_nested_transaction() or session.get_transaction() or session.begin()
