"""What statements have to say, added up from the books that are kept by hand."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from tests.properties.books import Books
from tests.properties.documents import CREDIT, RECEIVABLE
from tests.properties.office import Office
from webapp.domain.reporting import statements
from webapp.domain.reporting.statement_events import Account


def check(office: Office, day: date) -> None:
    """Of everybody, every chapter and the organization: the documents say what the books do."""
    books, today = office.books, office.books.today
    whose: list[tuple[Account, Callable[[date], int]]] = [
        (Account(member_id=row), partial(owed_by, books, number)) for number, row in office.members.items()
    ]
    whose += [
        (Account(chapter_id=row), partial(owed_in, books, code)) for code, row in office.chapters.items()
    ]
    whose += [(Account(), lambda until: sum(owed_in(books, code, until) for code in office.chapters))]
    for account, balance in whose:
        found = statements.statement(account, day, today)
        lines = list(found.all())
        assert (found.opening, found.closing, found.booked) == (
            balance(day - timedelta(1)), balance(today), balance(today),
        )  # fmt: skip
        assert found.opening + sum(line.amount for line in lines) == found.closing
        assert len(lines) == found.count and (not lines or lines[-1].balance == found.closing)
        assert not lines or found.page(3, after=lines[0].key) == lines[1:4]


def owed_in(books: Books, chapter: str, until: date) -> int:
    held = books.balances(until)
    return held.get((RECEIVABLE, chapter), 0) + held.get((CREDIT, chapter), 0)


def owed_by(books: Books, person: str, until: date) -> int:
    held = books.people(until)
    return held.get((RECEIVABLE, person), 0) + held.get((CREDIT, person), 0)
