"""The statement of a member, a chapter or the organization: a page, a file, or paper."""

from datetime import date
from functools import partial
from typing import Any, NamedTuple

from flask import request
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core import money
from webapp.domain.notifications import statement_pdf
from webapp.domain.notifications.statement_pdf import Holder
from webapp.domain.organizations import Chapter, Member, Organization
from webapp.domain.reporting import statements
from webapp.domain.reporting.statement_events import Account
from webapp.domain.reporting.statements import Key, Line, Statement
from webapp.web import books
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.invoices import as_file
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv

HEADER = ("date", "event", "description", "member", "amount", "balance", "currency")


class Whose(NamedTuple):
    account: Account
    holder: Holder

    @classmethod
    def member(cls, one: Member, *, in_chapter: Chapter | None = None) -> "Whose":
        """All of it, or what one chapter has of it."""
        chapter_id = in_chapter.id if in_chapter else None
        return cls(Account(one.id, chapter_id), Holder(one.name, one.number, one.address))

    @classmethod
    def chapter(cls, one: Chapter) -> "Whose":
        return cls(Account(chapter_id=one.id), Holder(one.name, one.code))

    @classmethod
    def organization(cls, one: Organization) -> "Whose":
        return cls(Account(), Holder(one.name, one.slug, one.address))


def show(persona: str, whose: Whose) -> Response:
    """From the first day of the year on, unless other days are asked for; to come is nothing yet."""
    today = current_organization.today
    until = min(books.day("until") or today, today)
    since = min(books.day("since") or date(until.year, 1, 1), until)
    found = statements.statement(whose.account, since, until)
    if wants_csv():
        return stream_csv(f"statement-{whose.holder.number}.csv", HEADER, map(as_row, found.all()))
    if request.args.get("format") == "pdf":
        return _on_paper(found, whose.holder)
    rows, last = page_of(found.page(PAGE + 1, after=Key.read(request.args.get("after"))))
    return respond(
        "shared/statement/index.html",
        "shared/statement/_list.html",
        persona=persona,
        whose=whose,
        statement=found,
        rows=rows,
        after=last.key if last else None,
        document=partial(books.document_address, persona),
    )


def _on_paper(found: Statement, holder: Holder) -> Response:
    """Its sheets are drawn one by one."""
    test_mode = wiring.settings().test_mode
    papers = statement_pdf.papers_of(found, holder, current_organization, test_mode=test_mode)
    return as_file(wiring.bind(map(wiring.drawn, papers)), f"statement-{holder.number}-{found.until}.pdf")


def as_row(line: Line) -> tuple[Any, ...]:
    currency = current_organization.currency
    amounts = money.to_decimal(line.amount, currency), money.to_decimal(line.balance, currency)
    return line.dated.isoformat(), line.kind.value, line.sentence, line.member, *amounts, currency
