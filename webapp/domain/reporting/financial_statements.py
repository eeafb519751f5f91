"""Income statement and balance sheet from the journal: a fiscal year against the one before it.

What closes a year moves its result to the net assets. Every such posting has that account on one side, and
nothing else does; the income statement leaves those out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select

from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.ledger import Account, AccountKind, Code, Posting
from webapp.domain.ledger.fiscal_years import FiscalYear

Net = Mapping[UUID, int]
_RESULT = (AccountKind.INCOME, AccountKind.EXPENSE)


class StatementLine(NamedTuple):
    """An account's figure and the one it is compared with; minor units, positive on its usual side."""

    code: str
    name: str
    now: int
    before: int


@dataclass(frozen=True)
class Section:
    lines: Sequence[StatementLine]

    @property
    def now(self) -> int:
        return sum(line.now for line in self.lines)

    @property
    def before(self) -> int:
        return sum(line.before for line in self.lines)


@dataclass(frozen=True)
class IncomeStatement:
    """From the year's first day through `as_of`, and as far into the year before."""

    year: FiscalYear
    as_of: date
    before_as_of: date
    income: Section
    expenses: Section

    @property
    def result(self) -> int:
        return self.income.now - self.expenses.now

    @property
    def result_before(self) -> int:
        return self.income.before - self.expenses.before


@dataclass(frozen=True)
class BalanceSheet:
    """At the end of `as_of`, and at the end of the fiscal year before.

    `earlier` and `this_year` are what income less expenses came to and no closing has moved yet.
    """

    year: FiscalYear
    as_of: date
    before_as_of: date
    assets: Section
    liabilities: Section
    net_assets: Section
    earlier: StatementLine
    this_year: StatementLine

    @property
    def equity(self) -> int:
        return self.net_assets.now + self.earlier.now + self.this_year.now

    @property
    def equity_before(self) -> int:
        return self.net_assets.before + self.earlier.before + self.this_year.before

    @property
    def agrees(self) -> bool:
        """Both sides come to the same sum, now and before."""
        return (
            self.assets.now == self.liabilities.now + self.equity
            and self.assets.before == self.liabilities.before + self.equity_before
        )


def income_statement(as_of: date, month: int) -> IncomeStatement:
    """Of the organization this transaction acts for, whose fiscal years begin with this month."""
    year = FiscalYear.of(as_of, month)
    day_before = year.same_day_before(as_of)
    now, before = _moved(
        _within(year.starts_on, as_of), _within(year.before.starts_on, day_before), closings=False
    )
    section = _sections(_accounts(), now, before)
    return IncomeStatement(year, as_of, day_before, section(AccountKind.INCOME), section(AccountKind.EXPENSE))


def balance_sheet(as_of: date, month: int) -> BalanceSheet:
    """Of the organization this transaction acts for, whose fiscal years begin with this month."""
    year = FiscalYear.of(as_of, month)
    end = year.before.ends_on
    now, before, year_begun, before_begun = _moved(
        Posting.dated <= as_of,
        Posting.dated <= end,
        Posting.dated < year.starts_on,
        Posting.dated < year.before.starts_on,
    )
    accounts = _accounts()
    section = _sections(accounts, now, before)
    earlier, this_year = _results(
        _unclosed(accounts, now, year_begun), _unclosed(accounts, before, before_begun)
    )
    return BalanceSheet(
        year,
        as_of,
        end,
        section(AccountKind.ASSET),
        section(AccountKind.LIABILITY),
        section(AccountKind.EQUITY),
        earlier,
        this_year,
    )


def _within(first: date, last: date) -> ColumnElement[bool]:
    return and_(Posting.dated >= first, Posting.dated <= last)


def _moved(*spans: ColumnElement[bool], closings: bool = True) -> list[Net]:
    """Debits less credits by account in each span, in one pass over the postings."""
    sides = (Posting.debit_account_id, Posting.credit_account_id)
    conditions = [Posting.organization_id == tenancy.organization_id(), or_(*spans)]
    if not closings:
        net_assets = _account(Code.NET_ASSETS)
        conditions += [side.not_in(net_assets) for side in sides]
    sums = [func.coalesce(func.sum(Posting.amount).filter(span), 0) for span in spans]
    rows = db.session.execute(select(*sides, *sums).where(*conditions).group_by(*sides)).all()
    return [_net((row[0], row[1], int(row[place])) for row in rows) for place in range(2, 2 + len(spans))]


def _account(code: Code) -> Any:
    return select(Account.id).where(
        Account.organization_id == tenancy.organization_id(), Account.code == code
    )


def _net(rows: Iterable[tuple[UUID, UUID, int]]) -> Net:
    found: dict[UUID, int] = {}
    for debit, credit, amount in rows:
        found[debit] = found.get(debit, 0) + amount
        found[credit] = found.get(credit, 0) - amount
    return found


def _accounts() -> Sequence[Account]:
    return Account.here().all(order_by=Account.code)


def _sections(accounts: Sequence[Account], now: Net, before: Net) -> Callable[[AccountKind], Section]:
    def section(kind: AccountKind) -> Section:
        sign = 1 if kind.grows_on_debit else -1
        lines = [
            StatementLine(one.code, one.name, sign * now.get(one.id, 0), sign * before.get(one.id, 0))
            for one in accounts
            if one.kind is kind
        ]
        return Section([line for line in lines if line.now or line.before])

    return section


def _unclosed(accounts: Sequence[Account], at_end: Net, at_beginning: Net) -> tuple[int, int]:
    """What no closing has moved yet: of earlier years, and of the year itself.

    Once something was closed within the year, the earlier ones are closed as well.
    """
    results = {one.id for one in accounts if one.kind in _RESULT}
    net_assets = {one.id for one in accounts if one.kind is AccountKind.EQUITY}
    total = -sum(amount for account, amount in at_end.items() if account in results)
    earlier = -sum(amount for account, amount in at_beginning.items() if account in results)
    moved = any(at_end.get(one, 0) != at_beginning.get(one, 0) for one in net_assets)
    return (0, total) if moved else (earlier, total - earlier)


def _results(now: tuple[int, int], before: tuple[int, int]) -> tuple[StatementLine, StatementLine]:
    return (
        StatementLine("", "Result of earlier years, not closed", now[0], before[0]),
        StatementLine("", "Result of the year, not closed", now[1], before[1]),
    )
