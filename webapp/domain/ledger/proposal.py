"""What somebody asks to have written into the books."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from webapp.core.db import OrganizationRow
from webapp.domain.ledger.chart import Code, Subledger
from webapp.domain.ledger.journal import Event
from webapp.domain.organizations import Login


@dataclass(frozen=True)
class Side:
    """One end of a move: the account, for which chapter, and in a sub-ledger whose."""

    account: Code
    chapter_id: UUID | None = None
    member_id: UUID | None = None

    @property
    def names_its_party(self) -> bool:
        if self.account.subledger is Subledger.MEMBER:
            return self.member_id is not None
        return self.account.subledger is Subledger.NONE or self.chapter_id is not None


@dataclass(frozen=True)
class Move:
    """`amount` in minor units goes from the credit side to the debit side; always positive."""

    amount: int
    debit: Side
    credit: Side

    def turned_round(self) -> "Move":
        return Move(self.amount, debit=self.credit, credit=self.debit)


@dataclass(frozen=True)
class Override:
    """A national admin's word that an entry may go into closed books all the same, and why."""

    by: Login
    reason: str

    @property
    def why(self) -> str:
        """The reason without what nobody sees; empty when there is none."""
        return self.reason.strip()


_word: ContextVar[Override | None] = ContextVar("word", default=None)


@contextmanager
def overriding(word: Override | None) -> Iterator[None]:
    """Whatever is posted inside may go into closed books at this word. Open books don't need it."""
    token = _word.set(word)
    try:
        yield
    finally:
        _word.reset(token)


def given_word() -> Override | None:
    return _word.get()


@dataclass(frozen=True)
class Proposal:
    """An entry before the guards have spoken."""

    event: Event
    source: OrganizationRow
    moves: Sequence[Move]
    on: date
    by: Login | None
    description: str
    override: Override | None = None
    reverses_id: UUID | None = None

    @property
    def sides(self) -> list[Side]:
        return [side for move in self.moves for side in (move.debit, move.credit)]

    @property
    def amount(self) -> int:
        return sum(move.amount for move in self.moves)
