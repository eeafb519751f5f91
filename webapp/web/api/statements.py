"""Statements: what was owed before, what happened, and what was owed after each."""

from datetime import date
from uuid import UUID

from flask import g

from webapp.core.errors import Invalid
from webapp.domain.reporting import statements
from webapp.domain.reporting.statement_events import Account, Kind
from webapp.domain.reporting.statements import Key
from webapp.web.api import bearer, operations
from webapp.web.api import fields as f
from webapp.web.api.bearer import EVERYBODY
from webapp.web.api.fields import Field, Shape, shape_in
from webapp.web.api.inputs import Values
from webapp.web.api.operations import Answer
from webapp.web.api.paging import size_of
from webapp.web.lists import page_of, stream_csv
from webapp.web.statements import HEADER, as_row

TOPIC = "Statements"
_EXAMPLE = "50~2026-09-01~019a3c7e-5d1c-7b6a-9f0e-2b1f3d4c5e6f~issued~52000"


def _key(value: str) -> Key:
    key = Key.read(value.strip())
    if key is None:
        raise Invalid("Use next_after as it was given.")
    return key


_following = f.text("Where to go on: the next_after of the page before", _EXAMPLE, most=120)

QUERY = shape_in(
    "MemberStatementQuery",
    date_from=f.day("The first day; the first of the year unless told"),
    date_to=f.day("The last day; today unless told"),
    after=Field(_following.schema, _key),
    limit=f.whole("Lines per page, 50 unless told", 50, least=1, most=200),
    format=f.one_of("json unless told", "json", "csv"),
)
LINE = Shape(
    "MemberStatementLine",
    {
        "place": f.whole("Its place in the statement, from 1 on", 1, most=10_000_000),
        "dated": f.day("Its day in the books"),
        "kind": f.choice("What happened", Kind),
        "sentence": f.text("In words", "Invoice 2026-000123", most=500),
        "document": f.text("The kind of document behind it", "invoices"),
        "document_id": f.identifier("That document"),
        "amount": f.balance("What more is owed by it; less than zero where less is"),
        "balance": f.balance("What was owed after it; less than zero is held"),
    },
)
STATEMENT = Shape(
    "MemberStatement",
    {
        "member_id": f.identifier("Whose"),
        "since": f.day("The first day"),
        "until": f.day("The last day"),
        "currency": f.currency(),
        "opening": f.balance("What was owed before the first day; less than zero is held"),
        "closing": f.balance("What was owed at the end of the last day"),
        "agrees": f.flag("Whether the books say the same"),
        "lines": f.list_of(LINE, "Oldest first"),
        "next_after": f.text("Where the next page begins", _EXAMPLE, most=120).or_null(),
    },
)


@operations.get(
    "/members/<uuid:member_id>/statement/",
    summary="Read a member's statement",
    topic=TOPIC,
    gives=STATEMENT,
    query=QUERY,
    files=("text/csv",),
    allowed=EVERYBODY,
)
def read_statement(member_id: UUID, query: Values) -> Answer:
    """Rebuilt from documents and compared with the books. A treasurer's token sees what its chapter has of
    it."""
    member, (since, until) = bearer.reach_member(member_id), _days(query)
    found = statements.statement(Account(member.id, bearer.own_chapter()), since, until)
    if query.get("format") == "csv":
        return stream_csv("statement.csv", HEADER, map(as_row, found.all()))
    size = size_of(query)
    rows, last = page_of(found.page(size + 1, after=query.get("after")), size)
    return STATEMENT.tell(
        found,
        member_id=member.id,
        currency=g.organization.currency,
        lines=[LINE.tell(row) for row in rows],
        next_after=str(last.key) if last else None,
    )


def _days(query: Values) -> tuple[date, date]:
    until: date = min(query.get("date_to", g.organization.today), g.organization.today)
    since: date = query.get("date_from", date(until.year, 1, 1))
    if since > until:
        told = "The first day is after the last."
        raise Invalid(told, fields={"date_from": told})
    return since, until
