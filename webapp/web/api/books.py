"""The books: a chapter's ledger, what is owed by age, and the trial balance."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import UUID

from flask import g

from webapp.core import money
from webapp.core.errors import Invalid, NotFound
from webapp.domain.ledger import Account, Code, Event, Extract, Key, Line, trial_balance
from webapp.domain.ledger.chart import AccountKind
from webapp.domain.organizations import Chapter
from webapp.domain.reporting import aging as ages
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import NATIONAL, STAFF
from webapp.web.api.fields import LARGEST_AMOUNT, Field, Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import address_of, size_of
from webapp.web.lists import stream_csv

TOPIC = "Books"


def _signed(description: str, example: int = 40_000) -> Field:
    return f.whole(
        f"{description}, in minor units", example, least=-LARGEST_AMOUNT * 1000, most=LARGEST_AMOUNT * 1000
    )


def _cursor(value: str) -> Key:
    try:
        key = Key.read(urlsafe_b64decode(value.strip() + "=" * (-len(value.strip()) % 4)).decode())
    except ValueError as error:
        raise Invalid("Use a cursor as it was given.") from error
    if key is None:
        raise Invalid("Use a cursor as it was given.")
    return key


_following = f.text("Where to go on: the next_cursor of the page before", "MjAyNi0wOS0wMX4…", most=100)
LEDGER_QUERY = shape_in(
    "ChapterLedgerQuery",
    account=f.one_of("Code of the account; 1200, what members owe, unless told", *Code),
    date_from=f.day("Only from this day on"),
    date_to=f.day("Only up to this day"),
    cursor=Field(_following.schema, _cursor),
    limit=f.whole("Entries per page, 50 unless told", 50, least=1, most=200),
)
LINE = Shape(
    "LedgerLine",
    {
        "entry_id": f.identifier("The journal entry"),
        "dated": f.day("Its day in the books"),
        "event": f.choice("What happened", Event),
        "description": f.text("In words", "Invoice 2026-000123 issued", most=1000),
        "source_kind": f.text("The kind of document behind it", "invoices"),
        "source_id": f.identifier("That document"),
        "counter_account": f.text("Where the other side stands", "Dues income"),
        "member": f.text("Whose it is, if somebody's", "Ana Núñez"),
        "amount": _signed("The change; positive is on the side on which the account grows"),
        "balance": _signed("What the account held after it"),
    },
)
LEDGER = Shape(
    "ChapterLedger",
    {
        "chapter_id": f.identifier("The chapter"),
        "account": f.one_of("The account's code", *Code),
        "account_name": f.text("The account's name", "Accounts receivable"),
        "currency": f.currency(),
        "balance": _signed("What the account holds at the end of the last day asked for"),
        "data": f.list_of(LINE, "Newest first"),
        "next_cursor": f.text("Cursor of the next page; null on the last one", "MjAyNi0wOS0wMX4…").or_null(),
        "next": f.text("Address of the next page; null on the last one", "https://…", most=2000).or_null(),
    },
)

_CSV = f.one_of("json unless told", "json", "csv")
REPORT_QUERY = shape_in("ReportQuery", as_of=f.day("The day; today unless told"), format=_CSV)
_BUCKETS = {
    "current": f.amount("Not yet due"),
    "days_1_30": f.amount("Due for 1 to 30 days", 12_000),
    "days_31_60": f.amount("Due for 31 to 60 days", 0),
    "days_61_90": f.amount("Due for 61 to 90 days", 0),
    "over_90": f.amount("Due for longer", 0),
    "total": f.amount("All of it", 52_000),
}
CHAPTER_AGING = Shape(
    "ChapterAging",
    {
        "chapter_id": f.identifier("The chapter"),
        "chapter_code": f.text("Its code", "ALP"),
        "chapter": f.text("Its name", "Alpha Chapter"),
        "invoices": f.whole("Invoices something is owed on", 3, most=10_000_000),
        **_BUCKETS,
    },
)
AGING = Shape(
    "Aging",
    {
        "as_of": f.day("The day"),
        "currency": f.currency(),
        "invoices": f.whole("Invoices something is owed on", 3, most=10_000_000),
        **_BUCKETS,
        "chapters": f.list_of(CHAPTER_AGING, "The same by chapter, by code"),
    },
)
ACCOUNT = Shape(
    "TrialBalanceLine",
    {
        "code": f.text("The account's code", "1200"),
        "name": f.text("The account's name", "Accounts receivable"),
        "kind": f.choice("What sort of account", AccountKind),
        "debit": _signed("Its balance, if it is a debit", 52_000),
        "credit": _signed("Its balance, if it is a credit", 0),
    },
)
TRIAL_BALANCE = Shape(
    "TrialBalance",
    {
        "as_of": f.day("The day"),
        "currency": f.currency(),
        "debits": _signed("The sum of all debits", 52_000),
        "credits": _signed("The sum of all credits, which is the same", 52_000),
        "accounts": f.list_of(ACCOUNT, "By code"),
    },
)


@operations.get(
    "/chapters/<uuid:chapter_id>/finances/ledger/",
    summary="Read a chapter's ledger",
    topic=TOPIC,
    gives=LEDGER,
    query=LEDGER_QUERY,
    allowed=STAFF,
)
def read_chapter_ledger(chapter_id: UUID, query: Values) -> Answer:
    """One account of the chapter, newest first, each line with the balance after it; and the balance."""
    chapter = Chapter.here().get(chapter_id)
    bearer.in_reach(chapter_id=chapter.id)
    account = Account.here().first(Account.code == query.get("account", Code.RECEIVABLE))
    if account is None:
        raise NotFound("This account is not open yet.")
    until = query.get("date_to")
    extract = Extract.of_chapter(chapter.id, account, since=query.get("date_from"), until=until)
    size = size_of(query)
    lines = extract.page(size + 1, after=query.get("cursor"))
    cursor = urlsafe_b64encode(str(lines[size - 1].key).encode()).decode() if len(lines) > size else None
    return {
        "chapter_id": str(chapter.id),
        "account": account.code,
        "account_name": account.name,
        "currency": g.organization.currency,
        "balance": extract.closing(),
        "data": [_line(line) for line in lines[:size]],
        "next_cursor": cursor,
        "next": address_of(cursor),
    }


@operations.get(
    "/organizations/<uuid:organization_id>/reports/aging/",
    summary="Read the aging report",
    topic=TOPIC,
    gives=AGING,
    query=REPORT_QUERY,
    files=("text/csv",),
    allowed=STAFF,
)
def read_aging(query: Values) -> Answer:
    """What is owed now, by how long it has been due on that day. A treasurer's token sees its own chapter."""
    day, own = query.get("as_of", g.organization.today), bearer.own_chapter()
    by_chapter = ages.aging_by_chapter(day)
    chapters = [chapter for chapter in Chapter.here().all(order_by=Chapter.code) if own in (None, chapter.id)]
    rows = [
        _chapter_aging(chapter, by_chapter[chapter.id]) for chapter in chapters if chapter.id in by_chapter
    ]
    if query.get("format") == "csv":
        return _as_csv("aging.csv", ["chapter_code", "chapter", "invoices", *_BUCKETS], rows)
    whole = ages.aging(day, chapter_id=own)
    return AGING.tell(whole, as_of=day, currency=g.organization.currency, chapters=rows, **_amounts(whole))


@operations.get(
    "/organizations/<uuid:organization_id>/reports/trial-balance/",
    summary="Read the trial balance",
    topic=TOPIC,
    gives=TRIAL_BALANCE,
    query=REPORT_QUERY,
    files=("text/csv",),
    allowed=NATIONAL,
)
def read_trial_balance(query: Values) -> Answer:
    """Every account's balance at the end of a day; debits and credits come to the same sum."""
    found = trial_balance(query.get("as_of", g.organization.today))
    rows = [ACCOUNT.tell(line) for line in found.lines]
    if query.get("format") == "csv":
        return _as_csv("trial-balance.csv", ["code", "name", "kind", "debit", "credit"], rows)
    return TRIAL_BALANCE.tell(found, currency=g.organization.currency, accounts=rows)


def _line(line: Line) -> dict[str, Any]:
    return LINE.tell(line, dated=line.key.dated, amount=line.change)


def _amounts(found: ages.Aging) -> dict[str, int]:
    return dict(zip(_BUCKETS, [*found.amounts, found.total], strict=True))


def _chapter_aging(chapter: Chapter, found: ages.Aging) -> dict[str, Any]:
    amounts = _amounts(found)
    named = {"chapter_id": chapter.id, "chapter_code": chapter.code, "chapter": chapter.name}
    return CHAPTER_AGING.tell(found, **named, **amounts)


def _as_csv(name: str, columns: list[str], rows: list[dict[str, Any]]) -> Answer:
    """Amounts as a spreadsheet reads them, with the currency's decimals."""
    unit = g.organization.currency
    as_text = [column for column in columns if column in (*_BUCKETS, "debit", "credit")]
    lines = [[money.plain(row[one], unit) if one in as_text else row[one] for one in columns] for row in rows]
    return stream_csv(name, [*columns, "currency"], [[*line, unit] for line in lines])
