"""The books: a chapter's ledger, what is owed by age, and the trial balance."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import UUID

from flask import g
from sqlalchemy import Select

from webapp.core import money
from webapp.core.db import db
from webapp.core.errors import Invalid, NotFound
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.ledger import Account, Code, Event, Extract, Key, Line, trial_balance
from webapp.domain.ledger.chart import AccountKind
from webapp.domain.organizations import Chapter
from webapp.domain.reporting import aging as ages
from webapp.web.aging import HEADER as AGING_HEADER
from webapp.web.aging import as_row as aging_row
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import NATIONAL, STAFF
from webapp.web.api.fields import Field, Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import address_of, size_of
from webapp.web.lists import stream_csv, stream_rows

TOPIC = "Books"


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
        "amount": f.balance("The change; positive is on the side on which the account grows"),
        "balance": f.balance("What the account held after it"),
    },
)
LEDGER = Shape(
    "ChapterLedger",
    {
        "chapter_id": f.identifier("The chapter"),
        "account": f.one_of("The account's code", *Code),
        "account_name": f.text("The account's name", "Accounts receivable"),
        "currency": f.currency(),
        "balance": f.balance("What the account holds at the end of the last day asked for"),
        "data": f.list_of(LINE, "Newest first"),
        "next_cursor": f.text("Cursor of the next page; null on the last one", "MjAyNi0wOS0wMX4…").or_null(),
        "next": f.text("Address of the next page; null on the last one", "https://…", most=2000).or_null(),
    },
)

_CSV = f.one_of("json unless told", "json", "csv")
REPORT_QUERY = shape_in("ReportQuery", as_of=f.day("The day; today unless told"), format=_CSV)
AGING_QUERY = shape_in(
    "AgingQuery",
    as_of=f.day("The end of which day; today unless told"),
    by=f.choice("What the groups are; chapters unless told", ages.By),
    over_90_above=f.amount("Only groups that owe more than this for over 90 days").without_example(),
    format=_CSV,
)
AGES = {
    "current": f.balance("Not yet due"),
    "days_1_30": f.balance("Due for 1 to 30 days", 12_000),
    "days_31_60": f.balance("Due for 31 to 60 days", 0),
    "days_61_90": f.balance("Due for 61 to 90 days", 0),
    "over_90": f.balance("Due for longer", 0),
}
_BUCKETS = AGES | {"total": f.balance("All of it", 52_000)}
GROUP_AGING = Shape(
    "GroupAging",
    {
        "id": f.identifier("The chapter, member or schedule"),
        "code": f.text("The chapter's code or the member's number; empty for a schedule", "ALP"),
        "name": f.text("Its name", "Alpha Chapter"),
        "invoices": f.whole("Invoices something is owed on", 3, most=10_000_000),
        **_BUCKETS,
    },
)
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
        "past_due": f.balance("What is past its due date", 12_000),
        "delinquency_percent": f.decimal("What of all that is owed is past due", "23.1", places=1),
        "average_days": f.whole("Days past due on average, each weighed by its amount", 21, most=100_000),
        "chapters": f.list_of(CHAPTER_AGING, "The same by chapter, by code"),
        "groups": f.list_of(GROUP_AGING, "As asked for, most owed first, 200 at most; the CSV has all"),
        "severe_above": f.amount("Who owes more for over 90 days is severely delinquent; a dues setting", 0),
        "severely_delinquent": f.list_of(
            GROUP_AGING, "These members, most owed that long first, 200 at most"
        ),
    },
)
ACCOUNT = Shape(
    "TrialBalanceLine",
    {
        "code": f.text("The account's code", "1200"),
        "name": f.text("The account's name", "Accounts receivable"),
        "kind": f.choice("What sort of account", AccountKind),
        "debit": f.balance("Its balance, if it is a debit", 52_000),
        "credit": f.balance("Its balance, if it is a credit", 0),
    },
)
TRIAL_BALANCE = Shape(
    "TrialBalance",
    {
        "as_of": f.day("The day"),
        "currency": f.currency(),
        "debits": f.balance("The sum of all debits", 52_000),
        "credits": f.balance("The sum of all credits, which is the same", 52_000),
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
    query=AGING_QUERY,
    files=("text/csv",),
    allowed=STAFF,
)
def read_aging(query: Values) -> Answer:
    """What was owed at the end of a day, by how long it had been due. It equals account 1200 on every day. A
    treasurer's token sees its own chapter."""
    today, own = g.organization.today, bearer.own_chapter()
    wanted = ages.Wanted(min(query.get("as_of", today), today), today, chapter_id=own)
    found = ages.groups(wanted, query.get("by", ages.By.CHAPTER), over_90_above=query.get("over_90_above"))
    if query.get("format") == "csv":
        return stream_rows("aging.csv", AGING_HEADER, found, aging_row)
    whole, severe_above = ages.total(wanted), DuesSettings.of(g.organization).severe_above
    return AGING.tell(
        whole,
        as_of=wanted.on,
        currency=g.organization.currency,
        delinquency_percent=f"{whole.delinquency_rate * 100:.1f}",
        average_days=round(whole.average_days),
        chapters=_chapters(wanted),
        groups=_told(found),
        severe_above=severe_above,
        severely_delinquent=_told(ages.severe(wanted, severe_above)),
        **_amounts(whole),
    )


def _told(found: Select[Any]) -> list[dict[str, Any]]:
    return [GROUP_AGING.tell(row) for row in db.session.execute(found.limit(200))]


def _chapters(wanted: ages.Wanted) -> list[dict[str, Any]]:
    """By code."""
    found = ages.groups(wanted, ages.By.CHAPTER).order_by(None).order_by(Chapter.code)
    return [
        CHAPTER_AGING.tell(row, chapter_id=row.id, chapter_code=row.code, chapter=row.name)
        for row in db.session.execute(found)
    ]


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


def _as_csv(name: str, columns: list[str], rows: list[dict[str, Any]]) -> Answer:
    """Amounts as a spreadsheet reads them, with the currency's decimals."""
    unit = g.organization.currency
    as_text = [column for column in columns if column in ("debit", "credit")]
    lines = [[money.plain(row[one], unit) if one in as_text else row[one] for one in columns] for row in rows]
    return stream_csv(name, [*columns, "currency"], [[*line, unit] for line in lines])
