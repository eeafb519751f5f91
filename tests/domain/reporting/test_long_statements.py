"""Statements of thousands of events: read in pages, drawn in sheets, and never all of them in memory."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event, insert

from tests import factories
from tests.rows import Rows
from webapp.core.db import db, new_id, transaction
from webapp.domain.notifications.statement_pdf import MOST_LINES, OF_A_SHEET, Holder, TooLong, papers_of
from webapp.domain.organizations import Chapter, Member, MemberStatus, Organization
from webapp.domain.reporting import statements
from webapp.domain.reporting.statement_events import Account
from webapp.domain.reporting.statements import Key, Statement

FEW, MANY = OF_A_SHEET * 2 + 1, 3_000
DAYS = date(2026, 7, 1), date(2026, 7, 31)
PAGE = 50


def enroll(chapter: Chapter, status: MemberStatus, count: int) -> None:
    about = {"organization_id": factories.here(), "chapter_id": chapter.id, "status_id": status.id}
    rows = [
        about | {"id": new_id(), "number": f"{chapter.code}{number}", "first_name": "Ana", "last_name": "N"}
        for number in range(count)
    ]
    with transaction() as session:
        session.execute(insert(Member), rows)


@pytest.fixture
def few(organization: Organization, rows: Rows) -> Statement:
    """Of a chapter. Another one of the same organization has thousands."""
    status, chapter = factories.make_status(), factories.make_chapter()
    enroll(chapter, status, FEW)
    enroll(factories.make_chapter("BET", "Beta Chapter"), status, MANY)
    factories.bill(factories.make_period(), factories.make_schedule(amount=100))
    rows.count_again()
    return statements.statement(Account(chapter_id=chapter.id), *DAYS)


@pytest.fixture
def many(few: Statement) -> Statement:
    """Of the whole organization."""
    return statements.statement(Account(), *DAYS)


@contextmanager
def rows_fetched() -> Iterator[list[int]]:
    """Of each statement."""
    seen: list[int] = []

    def note(*told: Any) -> None:
        seen.append(told[1].rowcount)

    event.listen(db.engine, "after_cursor_execute", note)
    yield seen
    event.remove(db.engine, "after_cursor_execute", note)


@contextmanager
def memory() -> Iterator[list[int]]:
    """Its highest level inside, in bytes above where it began."""
    highest: list[int] = []
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    yield highest
    highest.append(tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()


def test_page_after_page_says_what_all_of_it_says(many: Statement) -> None:
    every, paged, after = list(many.all()), [], None
    while lines := many.page(700, after=after):
        paged += lines
        after = Key.read(str(lines[-1].key))
    assert paged == every and len(every) == many.count == FEW + MANY
    assert (every[-1].balance, every[-1].place) == (many.closing, many.count)


@pytest.mark.case("F31")
def test_a_page_reads_its_own_lines_and_no_others(many: Statement) -> None:
    late = many.page(PAGE, after=many.page(2_500)[-1].key)
    with rows_fetched() as fetched:
        many.page(PAGE, after=late[-1].key)
    assert sum(fetched) <= PAGE + 1 and len(fetched) == 2


@pytest.mark.case("F31")
def test_reading_thousands_of_lines_takes_as_much_memory_as_reading_hundreds(
    few: Statement, many: Statement
) -> None:
    levels = []
    for found in (few, few, many):  # the first time fills caches
        with memory() as level:
            assert sum(1 for _ in found.all()) == found.count
        levels += level
    assert levels[2] < levels[1] * 3, levels


@pytest.mark.case("F31")
def test_a_long_statement_is_drawn_sheet_by_sheet_and_a_longer_one_refused(
    organization: Organization, few: Statement, many: Statement
) -> None:
    holder = Holder("Ana", "1")
    sheets = [(one.part, len(one.lines), one.before) for one in papers_of(few, holder, organization)]
    assert sheets == [(1, OF_A_SHEET, 0), (2, OF_A_SHEET, OF_A_SHEET * 100), (3, 1, OF_A_SHEET * 200)]
    nothing = statements.statement(few.account, date(2026, 6, 1), date(2026, 6, 30))
    assert [len(one.lines) for one in papers_of(nothing, holder, organization)] == [0]
    assert many.count > MOST_LINES
    with pytest.raises(TooLong):
        next(papers_of(many, holder, organization))
