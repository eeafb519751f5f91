"""Every account's balance at the end of a day; debits and credits come to the same sum."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, func, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.ledger.balances import ChapterBalance
from webapp.domain.ledger.chart import Account, AccountKind
from webapp.domain.ledger.journal import JournalEntry, Posting


class TrialLine(NamedTuple):
    """One account. `net` is debits less credits, in minor units."""

    account_id: UUID
    code: str
    name: str
    kind: AccountKind
    net: int

    @property
    def debit(self) -> int:
        return max(self.net, 0)

    @property
    def credit(self) -> int:
        return max(-self.net, 0)


@dataclass(frozen=True)
class TrialBalance:
    as_of: date
    lines: Sequence[TrialLine]

    @property
    def debits(self) -> int:
        return sum(line.debit for line in self.lines)

    @property
    def credits(self) -> int:
        return sum(line.credit for line in self.lines)

    @property
    def agrees(self) -> bool:
        return self.debits == self.credits


def trial_balance(as_of: date) -> TrialBalance:
    """At the end of that day: what the accounts hold now, less what was dated later."""
    later = _moved_after(as_of)
    own = and_(
        ChapterBalance.organization_id == Account.organization_id, ChapterBalance.account_id == Account.id
    )
    net = func.coalesce(func.sum(ChapterBalance.debits - ChapterBalance.credits), 0)
    rows = db.session.execute(
        select(Account.id, Account.code, Account.name, Account.kind, net)
        .outerjoin(ChapterBalance, own)
        .where(Account.organization_id == tenancy.organization_id())
        .group_by(Account.organization_id, Account.id)
        .order_by(Account.code)
    )
    lines = [
        TrialLine(account_id, code, name, kind, int(held) - later.get(account_id, 0))
        for account_id, code, name, kind, held in rows
    ]
    return TrialBalance(as_of, lines)


def _moved_after(day: date) -> dict[UUID, int]:
    """Debits less credits by account of all entries dated after that day."""
    entry = and_(JournalEntry.organization_id == Posting.organization_id, JournalEntry.id == Posting.entry_id)
    pairs = db.session.execute(
        select(Posting.debit_account_id, Posting.credit_account_id, func.sum(Posting.amount))
        .join(JournalEntry, entry)
        .where(JournalEntry.organization_id == tenancy.organization_id(), JournalEntry.dated > day)
        .group_by(Posting.debit_account_id, Posting.credit_account_id)
    )
    moved: dict[UUID, int] = {}
    for debit, credit, amount in pairs:
        moved[debit] = moved.get(debit, 0) + int(amount)
        moved[credit] = moved.get(credit, 0) - int(amount)
    return moved
