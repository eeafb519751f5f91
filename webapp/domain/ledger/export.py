"""The journal as text that plain-text accounting programs and spreadsheets read, written line by line."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, func, select, union
from sqlalchemy.orm import aliased

from webapp.core import money
from webapp.core.db import db
from webapp.domain.ledger.chart import Account, AccountKind, Subledger
from webapp.domain.ledger.journal import Event, JournalEntry, Posting
from webapp.domain.organizations import Chapter, Member, Organization


class Format(StrEnum):
    HLEDGER = "hledger"
    BEANCOUNT = "beancount"
    CSV = "csv"

    @property
    def file_name(self) -> str:
        return {"hledger": "journal", "beancount": "beancount", "csv": "csv"}[self.value]


class Place(NamedTuple):
    """One end of a posting, in words: the account, and in a sub-ledger whose."""

    kind: AccountKind
    code: str
    name: str
    subledger: Subledger
    chapter: str | None
    member: str | None

    @property
    def party(self) -> str | None:
        return {Subledger.MEMBER: self.member, Subledger.CHAPTER: self.chapter}.get(self.subledger)


class Line(NamedTuple):
    dated: date
    entry_id: UUID
    event: Event
    description: str
    source_kind: str
    source_id: UUID
    amount: int
    debit: Place
    credit: Place


_ROOTS = {
    AccountKind.ASSET: "Assets",
    AccountKind.LIABILITY: "Liabilities",
    AccountKind.EQUITY: "Equity",
    AccountKind.INCOME: "Income",
    AccountKind.EXPENSE: "Expenses",
}
CSV_HEADER = (
    "date",
    "entry",
    "event",
    "description",
    "source",
    "debit account",
    "debit chapter",
    "debit member",
    "credit account",
    "credit chapter",
    "credit member",
    "amount",
    "minor units",
    "currency",
)


@dataclass(frozen=True)
class Journal:
    """The entries of one organization dated within a span, both days included."""

    organization: Organization
    since: date | None = None
    until: date | None = None

    def text(self, form: Format) -> Iterator[str]:
        """The file in pieces, for hledger or beancount."""
        writers: dict[Format, Callable[[], Iterator[str]]] = {
            Format.HLEDGER: self.hledger,
            Format.BEANCOUNT: self.beancount,
        }
        return writers[form]()

    def hledger(self) -> Iterator[str]:
        currency = self.organization.currency
        decimals = money.precision(currency)
        yield f"; {_one_line(self.organization.name)}\n"
        yield f"commodity 1000.{'0' * decimals} {currency}\n"
        for account in dict.fromkeys(hledger_account(place) for place in self._places()):
            yield f"account {account}\n"
        for entry, lines in self._entries():
            yield (
                f"\n{entry.dated} * ({entry.entry_id}) {_hledger_description(entry.description)}"
                f"  ; event:{entry.event}, source:{entry.source_kind}/{entry.source_id}\n"
            )
            for line in lines:
                amount = money.plain(line.amount, currency)
                yield f"    {hledger_account(line.debit)}  {amount} {currency}\n"
                yield f"    {hledger_account(line.credit)}  -{amount} {currency}\n"

    def beancount(self) -> Iterator[str]:
        currency = self.organization.currency
        yield f'option "title" {_quoted(self.organization.name)}\n'
        yield f'option "operating_currency" "{currency}"\n'
        first_day = db.session.scalar(
            select(func.min(JournalEntry.dated)).where(
                JournalEntry.organization_id == self.organization.id, *self._span(JournalEntry.dated)
            )
        )
        for account in dict.fromkeys(beancount_account(place) for place in self._places()):
            yield f"{first_day} open {account} {currency}\n"
        for entry, lines in self._entries():
            yield f"\n{entry.dated} * {_quoted(entry.description)}\n"
            yield f'  entry: "{entry.entry_id}"\n  event: "{entry.event}"\n'
            yield f'  source: "{entry.source_kind}/{entry.source_id}"\n'
            for line in lines:
                amount = money.plain(line.amount, currency)
                yield f"  {beancount_account(line.debit)}  {amount} {currency}\n"
                yield f"  {beancount_account(line.credit)}  -{amount} {currency}\n"

    def csv_rows(self) -> Iterator[tuple[Any, ...]]:
        """One row per posting, under CSV_HEADER."""
        currency = self.organization.currency
        for line in self._lines():
            yield (
                line.dated.isoformat(),
                str(line.entry_id),
                line.event.value,
                line.description,
                f"{line.source_kind}/{line.source_id}",
                *(line.debit.code, line.debit.chapter, line.debit.member),
                *(line.credit.code, line.credit.chapter, line.credit.member),
                money.to_decimal(line.amount, currency),
                line.amount,
                currency,
            )

    def _entries(self) -> Iterator[tuple[Line, list[Line]]]:
        for _, grouped in groupby(self._lines(), key=lambda line: line.entry_id):
            lines = list(grouped)
            yield lines[0], lines

    def _lines(self) -> Iterator[Line]:
        debit, credit = _Side("debit"), _Side("credit")
        of_entry = and_(
            Posting.organization_id == JournalEntry.organization_id, Posting.entry_id == JournalEntry.id
        )
        statement = (
            select(
                JournalEntry.dated,
                JournalEntry.id,
                JournalEntry.event,
                JournalEntry.description,
                JournalEntry.source_kind,
                JournalEntry.source_id,
                Posting.amount,
                *debit.columns,
                *credit.columns,
            )
            .select_from(JournalEntry)
            .join(Posting, of_entry)
            .where(JournalEntry.organization_id == self.organization.id, *self._span(JournalEntry.dated))
            .order_by(JournalEntry.dated, JournalEntry.id, Posting.id)
        )
        rows = db.session.execute(credit.join(debit.join(statement)), execution_options={"yield_per": 1000})
        for row in rows:
            yield Line._make((*row[:7], Place(*row[7:13]), Place(*row[13:19])))

    def _places(self) -> Iterator[Place]:
        """Every account and party that the span touches."""
        sides = []
        for side in (_Side("debit"), _Side("credit")):
            columns = [column.label(f"c{number}") for number, column in enumerate(side.columns)]
            touched = select(*columns).select_from(Posting)
            touched = touched.where(
                Posting.organization_id == self.organization.id, *self._span(Posting.dated)
            )
            sides.append(side.join(touched))
        for row in db.session.execute(union(*sides).order_by("c1"), execution_options={"yield_per": 1000}):
            yield Place(*row)

    def _span(self, dated: Any) -> list[Any]:
        conditions = []
        if self.since is not None:
            conditions.append(dated >= self.since)
        if self.until is not None:
            conditions.append(dated <= self.until)
        return conditions


class _Side:
    """The account, chapter and member on one side of a posting, joined to it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.account, self.chapter, self.member = aliased(Account), aliased(Chapter), aliased(Member)

    @property
    def columns(self) -> list[Any]:
        account = self.account
        return [
            account.kind,
            account.code,
            account.name,
            account.subledger,
            self.chapter.code,
            self.member.number,
        ]

    def join(self, statement: Select[Any]) -> Select[Any]:
        return (
            statement.join(self.account, self._is(self.account, "account"))
            .outerjoin(self.chapter, self._is(self.chapter, "chapter"))
            .outerjoin(self.member, self._is(self.member, "member"))
        )

    def _is(self, kind: Any, party: str) -> Any:
        named = getattr(Posting, f"{self.name}_{party}_id")
        return and_(kind.organization_id == Posting.organization_id, kind.id == named)


def hledger_account(place: Place) -> str:
    """`Assets:1200 Accounts receivable:PX00001`; what hledger would read as punctuation is written as %3A."""
    parts = [f"{place.code} {place.name}", *([place.party] if place.party else [])]
    return ":".join([_ROOTS[place.kind], *(_NOT_HLEDGER.sub(_percent, part) for part in parts)])


def beancount_account(place: Place) -> str:
    """`Assets:1200-Accounts-receivable:P-PX00001`: letters, digits and dashes only."""
    parts = [re.sub(r"[^A-Za-z0-9]+", "-", f"{place.code} {place.name}").strip("-")]
    if place.party:
        parts.append("P-" + re.sub(r"[^A-Za-z0-9-]", lambda found: f"-u{ord(found[0]):04X}-", place.party))
    return ":".join([_ROOTS[place.kind], *parts])


_NOT_HLEDGER = re.compile(r"[:;%]|[^\S ]|[\x00-\x1f\x7f]|^ | (?= )| $")


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _hledger_description(text: str) -> str:
    return re.sub(r"[;|]", ",", _one_line(text))


def _quoted(text: str) -> str:
    escaped = _one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
