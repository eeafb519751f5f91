"""What the reports have to say, added up slowly from the books that are kept by hand."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import astuple, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tests import hledger
from tests.properties import collected_slowly, health_slowly, owed_slowly, statements_told
from tests.properties.books import Books
from tests.properties.documents import RECEIVABLE, Bill
from tests.properties.office import Office
from webapp.core import money
from webapp.core.db import db
from webapp.domain import ledger
from webapp.domain.ledger import Account, Code
from webapp.domain.ledger.export import Format, Journal
from webapp.domain.ledger.extract import Extract
from webapp.domain.notifications import reminders
from webapp.domain.reporting import aging, financial_statements, last_billed, receivables, received, snapshots
from webapp.domain.reporting.snapshots import AMOUNTS
from webapp.domain.reporting.standing import good_standing


def check(office: Office, day: date, which: int) -> None:
    """Each report as it is read today, and as of the given day where it can be asked for a past day.

    Of the ledgers of accounts and members, `which` chooses one each.
    """
    books = office.books
    _check_aging(office)
    _check_receivables(office, day)
    _check_snapshot(office, day)
    _check_good_standing(office, day)
    _check_silence(office)
    _check_aging_then(office, day)
    _check_last_billed(office)
    _check_trial_balance(books, day)
    _check_trial_balance(books, books.today)
    _check_financial_statements(books, day, which % 12 + 1)
    accounts, people = (RECEIVABLE, "4000", "1000"), list(office.members)
    _check_chapter_ledger(office, accounts[which % len(accounts)], day)
    _check_statement(office, people[which % len(people)], day)
    statements_told.check(office, day)
    collected_slowly.check(office, day)
    health_slowly.check(office, day)
    db.session.rollback()


def read_by_hledger(office: Office, folder: Path) -> None:
    """The journal as it is exported, to the last day that anything is dated."""
    db.session.rollback()
    told = hledger.balances("".join(Journal(office.organization()).text(Format.HLEDGER)), folder)
    assert told.get("total", 0) == 0
    assert hledger.by_code(told) == {
        code: money.to_decimal(amount, "USD") for code, amount in office.books.accounts().items()
    }
    db.session.rollback()


def _check_aging(office: Office) -> None:
    books, ids = office.books, {row: code for code, row in office.chapters.items()}
    told = aging.aging(books.today)
    owing = [bill for bill in books.bills.values() if bill.owed]
    assert (list(told.amounts), told.invoices) == (_by_age(owing, books.today), len(owing))
    assert told.total == books.accounts().get(RECEIVABLE, 0)
    by_chapter = _by_group(aging.Wanted(books.today, books.today), aging.By.CHAPTER)
    assert {ids[row]: amounts for row, amounts in by_chapter.items()} == {
        code: _by_age([bill for bill in owing if bill.chapter == code], books.today)
        for code in {bill.chapter for bill in owing}
    }


def _check_receivables(office: Office, day: date) -> None:
    """What each invoice owed on a day, by the documents, and what the books that are kept by hand say."""
    told = db.session.execute(receivables.owed_at(day)).all()
    numbers = {
        row.id: row.number
        for row in office.rows("SELECT id, number FROM invoices WHERE organization_id = :here")
    }
    assert {numbers[one.invoice_id]: one.owed for one in told} == owed_slowly.on(office, day)
    people = {row: number for number, row in office.members.items()}
    sums: dict[str, int] = defaultdict(int)
    for one in told:
        sums[people[one.member_id]] += one.owed
    by_hand = office.books.people(until=day).items()
    assert {person: owed for person, owed in sums.items() if owed} == {
        person: owed for (account, person), owed in by_hand if account == RECEIVABLE
    }


def _check_snapshot(office: Office, day: date) -> None:
    """It says of each member and chapter what their invoices owed that day."""
    told = db.session.execute(snapshots.lines_at(day)).all()
    slowly: dict[tuple[Any, Any], list[int]] = defaultdict(lambda: [0] * 7)
    for row, owed in _owed_slowly(office, day):
        late = (day - row.due_on).days
        sums = slowly[row.member_id, row.chapter_id]
        sums[0] += owed
        sums[1] += owed if row.kind == "regular_dues" else 0
        sums[2 + sum(late > limit for limit in (0, 30, 60, 90))] += owed
    assert {
        (one.member_id, one.chapter_id): [getattr(one, name) for name in AMOUNTS] for one in told
    } == slowly


def _check_good_standing(office: Office, day: date) -> None:
    """Who owes what is too old owes it, but, where that is the rule, while a plan about it is kept."""
    books, rule = office.books, office.books.standing_rule
    late = [row for row, owed in _owed_slowly(office, day) if owed > 0 and day - row.due_on > rule.after]
    kept = {bill.number for plan in books.plans if plan.was_kept(day) for bill in plan.amounts}
    found = {row.id: row.basis for row in db.session.execute(good_standing.everybody(day, past=True))}
    owes = {row.member_id for row in late if not (rule.with_kept_plan and row.number in kept)}
    assert {row for row, basis in found.items() if basis == "owes"} == owes
    assert {row for row, basis in found.items() if basis == "plan_kept"} == {
        row.member_id for row in late
    } - owes


def _check_silence(office: Office) -> None:
    """Nobody is reminded of what is paid, is being paid, or is on a plan that is kept."""
    books = office.books
    told = reminders.due(office.organization(), books.today)
    quiet = [
        one
        for one in books.bills.values()
        if not one.owed or books.is_under_way(one) or books.is_on_plan(one)
    ]
    assert not {one.number for one in told} & {one.number for one in quiet}


def _owed_slowly(office: Office, day: date) -> list[tuple[Any, int]]:
    """Each invoice that owed something, and how much."""
    owed = owed_slowly.on(office, day)
    invoices = office.rows(
        "SELECT i.number, i.member_id, i.chapter_id, i.due_on, s.kind FROM invoices i"
        " JOIN assessment_schedules s ON s.id = i.schedule_id WHERE i.organization_id = :here"
    )
    return [(row, owed[row.number]) for row in invoices if row.number in owed]


def _check_aging_then(office: Office, day: date) -> None:
    """The same on a past day: the whole, each member's part, and the invoices that each figure leads to."""
    today, owed = office.books.today, owed_slowly.on(office, day)
    bills, people = office.books.bills, {row: number for number, row in office.members.items()}
    wanted = aging.Wanted(day, max(today, day))
    if day >= today:
        owed = {bill.number: bill.owed for bill in bills.values() if bill.owed}
    sums: dict[str, list[int]] = defaultdict(lambda: [0] * 5)
    for number, amount in owed.items():
        sums[bills[number].person][_place(day, bills[number].due_on)] += amount
    late = [(owed[one], (day - bills[one].due_on).days) for one in owed if bills[one].due_on < day]
    told = aging.total(wanted)
    assert list(told.amounts) == [sum(each) for each in zip(*sums.values(), strict=True)] or not sums
    assert told.amount_days == sum(amount * days for amount, days in late)
    by_member = _by_group(wanted, aging.By.MEMBER)
    assert {people[row]: amounts for row, amounts in by_member.items()} == sums
    for place in range(5):
        rows = db.session.execute(aging.invoices(replace(wanted, bucket=place))).all()
        assert sum(row.owed for row in rows) == told.amounts[place]
        assert {row.number: row.owed for row in rows} == {
            one: owed[one] for one in owed if _place(day, bills[one].due_on) == place
        }


def _by_group(wanted: aging.Wanted, by: aging.By) -> dict[UUID, list[int]]:
    rows = db.session.execute(aging.groups(wanted, by))
    return {row.id: [getattr(row, name) for name in aging.NAMES] for row in rows}


def _place(day: date, due_on: date) -> int:
    late = (day - due_on).days
    return 0 if late <= 0 else 1 if late <= 30 else 2 if late <= 60 else 3 if late <= 90 else 4


def _by_age(bills: list[Bill], today: date) -> list[int]:
    sums = [0, 0, 0, 0, 0]
    for bill in bills:
        sums[_place(today, bill.due_on)] += bill.owed
    return sums


def _check_last_billed(office: Office) -> None:
    """The homes speak of the period that was billed last: of two that begin together, the one made later."""
    books, ids = office.books, {row: code for code, row in office.chapters.items()}
    billed = {bill.period for bill in books.bills.values()}
    begun = [one for one in office.roll.periods if one.starts_on <= books.today and one.code in billed]
    told = last_billed.of_organization(books.today)
    assert (told is None) is (begun == [])
    if told:
        last = max(begun, key=lambda one: (one.starts_on, office.roll.periods.index(one)))
        bills = [bill for bill in books.bills.values() if bill.period == last.code and not bill.void]
        of_each = {code: [bill for bill in bills if bill.chapter == code] for code in office.chapters}
        assert told.period.code == last.code
        assert astuple(told.figures) == _collected(bills, books.today)
        assert {ids[one.id]: astuple(found) for one, found in told.by_chapter.items()} == {
            code: _collected(its, books.today) for code, its in of_each.items() if its
        }
        for code, row in office.chapters.items():
            own = last_billed.of_chapter(books.today, row)
            assert own and own.period.code == last.code
            assert astuple(own.figures) == _collected(of_each[code], books.today)
    for chapter in (None, *office.chapters):
        months = received.by_month(books.today, chapter_id=office.chapters[chapter] if chapter else None)
        assert months == list(_months(books, chapter))


def _collected(bills: list[Bill], today: date) -> tuple[int, ...]:
    late = [bill for bill in bills if bill.owed and bill.grace_until < today]
    return (
        sum(bill.amount - bill.adjusted for bill in bills),
        sum(bill.paid for bill in bills),
        sum(bill.owed for bill in bills),
        sum(bill.owed for bill in late),
        len(bills),
        sum(1 for bill in bills if bill.owed),
        len(late),
    )


def _months(books: Books, chapter: str | None) -> Iterator[tuple[date, int]]:
    """The last twelve, this one last."""
    came_in: dict[tuple[int, int], int] = defaultdict(int)
    for receipt in books.receipts:
        if chapter in (None, receipt.chapter) and not receipt.is_reversed:
            came_in[receipt.day.year, receipt.day.month] += receipt.amount
    for back in range(11, -1, -1):
        year, month = divmod(books.today.year * 12 + books.today.month - 1 - back, 12)
        yield date(year, month + 1, 1), came_in[year, month + 1]


def _check_trial_balance(books: Books, day: date) -> None:
    told = ledger.trial_balance(day)
    assert {line.code: line.net for line in told.lines if line.net} == books.accounts(until=day)
    assert told.debits == told.credits


def _check_financial_statements(books: Books, day: date, month: int) -> None:
    """No year is closed in these histories; what was earned and spent in the year is what moved in it."""
    starts = date(day.year if day.month >= month else day.year - 1, month, 1)
    before, now = books.accounts(until=starts - timedelta(1)), books.accounts(until=day)
    moved = {code: now.get(code, 0) - before.get(code, 0) for code in now | before}
    told = financial_statements.income_statement(day, month)
    assert {line.code: line.now for line in told.income.lines if line.now} == {
        code: -amount for code, amount in moved.items() if amount and "4000" <= code < "4900"
    }
    assert {line.code: line.now for line in told.expenses.lines if line.now} == {
        code: amount for code, amount in moved.items() if amount and code >= "4900"
    }
    sheet = financial_statements.balance_sheet(day, month)
    assert sheet.agrees
    assert sheet.assets.now == sum(amount for code, amount in now.items() if code < "2000")
    assert sheet.this_year.now == told.result
    assert sheet.earlier.now == -sum(amount for code, amount in before.items() if code >= "4000")


def _check_chapter_ledger(office: Office, code: str, day: date) -> None:
    """Its lines from a day on begin where those until the day before ended."""
    [account] = Account.here().all(Account.code == Code(code))
    for chapter, row in office.chapters.items():
        sign = 1 if account.kind.grows_on_debit else -1
        before = sign * office.books.balances(until=day - timedelta(1)).get((code, chapter), 0)
        now = sign * office.books.balances().get((code, chapter), 0)
        _check_extract(
            Extract.of_chapter(row, account, until=day - timedelta(1)),
            Extract.of_chapter(row, account, since=day),
            (before, now),
        )


def _check_statement(office: Office, person: str, day: date) -> None:
    """What is owed, less what is held for the member."""
    row = office.members[person]
    balances = [
        statements_told.owed_by(office.books, person, until) for until in (day - timedelta(1), date.max)
    ]
    _check_extract(
        Extract.of_member(row, until=day - timedelta(1)),
        Extract.of_member(row, since=day),
        (balances[0], balances[1]),
    )


def _check_extract(earlier: Any, later: Any, expected: tuple[int, int]) -> None:
    before, now = expected
    assert (earlier.closing(), later.opening(), later.closing()) == (before, before, now)
    for extract, opening, closing in ((earlier, 0, before), (later, before, now)):
        lines = list(extract.all())
        assert opening + sum(line.change for line in lines) == closing
        assert not lines or lines[-1].balance == closing
        assert [line.key for line in extract.page(1000)] == [line.key for line in reversed(lines)]
