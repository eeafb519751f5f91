"""Income statement, balance sheet and the closing of fiscal years, against sums over a list of postings."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import factories, hledger
from tests.domain.ledger.conftest import Paper
from webapp.core import clock, money, tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain import ledger
from webapp.domain.ledger import Code, Event, FiscalYear, Move, Override, PostingBlocked, Side, YearClosing
from webapp.domain.ledger.export import Format, Journal
from webapp.domain.organizations import Login, Organization
from webapp.domain.reporting import financial_statements, year_end
from webapp.domain.reporting.verification import closed_years

FIRST = date(2023, 1, 1)
MOVES = (
    (Code.BANK, Code.DUES_INCOME),
    (Code.BANK, Code.OTHER_INCOME),
    (Code.WAIVERS, Code.BANK),
    (Code.BANK_CHARGES, Code.PROCESSOR_CLEARING),
    (Code.DUES_INCOME, Code.BANK),
    (Code.BANK, Code.PROCESSOR_CLEARING),
)
INCOME, EXPENSES = ("4000", "4030"), ("4900", "6100")


@pytest.fixture
def office(app: Any) -> Iterator[Organization]:
    """Papers are no documents, so its books are verified by themselves."""
    made = factories.make_organization()
    with tenancy.acting_for(made.id):
        factories.found(made)
        yield made
        db.session.rollback()
        assert ledger.verify(made) == [] and closed_years.differences() == []


@pytest.fixture
def admin(office: Organization) -> Login:
    return factories.make_admin()


def post(amount: int, on: date, move: int = 0, chapter: Any = None, **more: Any) -> None:
    debit, credit = MOVES[move]
    chapter_id = chapter.id if chapter else None
    moves = [Move(amount, debit=Side(debit, chapter_id), credit=Side(credit, chapter_id))]
    values = {"by": None, "description": "A paper"} | more
    with transaction():
        ledger.post(Event.PAYMENT_RECEIVED, source=Paper(), moves=moves, on=on, **values)


def close(year: FiscalYear, by: Login, today: date = date(2030, 1, 1)) -> YearClosing:
    with transaction():
        return ledger.close_year(year, by=by, today=today)


def reopen(closing: YearClosing, by: Login, reason: str = "A mistake") -> None:
    with transaction():
        ledger.reopen_year(YearClosing.here().get(closing.id), by=by, reason=reason)


@dataclass
class Slowly:
    """The postings in a list, and what they come to."""

    month: int
    postings: list[tuple[date, int, str, str]] = field(default_factory=list)

    def net(self, first: date, last: date) -> dict[str, int]:
        """Debits less credits by account, closings left aside."""
        found: dict[str, int] = defaultdict(int)
        for day, amount, debit, credit in self.postings:
            if first <= day <= last:
                found[debit] += amount
                found[credit] -= amount
        return found

    def result(self, first: date, last: date) -> int:
        found = self.net(first, last)
        return -sum(found[code] for code in (*INCOME, *EXPENSES))

    def check(self, day: date, closed_through: date | None) -> None:
        self._check_income(day)
        self._check_balance(day, closed_through)
        db.session.rollback()

    def _check_income(self, day: date) -> None:
        told = financial_statements.income_statement(day, self.month)
        starts = date(day.year if day.month >= self.month else day.year - 1, self.month, 1)
        assert told.year.starts_on == starts
        now = self.net(starts, day)
        before = self.net(date(starts.year - 1, self.month, 1), told.before_as_of)
        expected = {code: (-now[code], -before[code]) for code in INCOME}
        expected |= {code: (now[code], before[code]) for code in EXPENSES}
        lines = [*told.income.lines, *told.expenses.lines]
        assert {one.code: (one.now, one.before) for one in lines} == {
            code: pair for code, pair in expected.items() if pair != (0, 0)
        }
        assert told.result == self.result(starts, day)

    def _check_balance(self, day: date, closed_through: date | None) -> None:
        told = financial_statements.balance_sheet(day, self.month)
        assert told.agrees
        found = self.net(date.min, day)
        assert told.assets.now == found["1000"] + found["1010"]
        assert told.equity == self.result(date.min, day)
        closed = closed_through if closed_through and closed_through <= day else None
        assert told.net_assets.now == (self.result(date.min, closed) if closed else 0)
        if closed is None:
            start = told.year.starts_on
            assert told.this_year.now == self.result(start, day)
            assert told.earlier.now == self.result(date.min, start - timedelta(days=1))


@st.composite
def histories(draw: Any) -> tuple[int, list[tuple[int, int, int, bool]], list[int], bool]:
    postings = st.tuples(
        st.integers(0, 1500), st.integers(1, 10**9), st.integers(0, len(MOVES) - 1), st.booleans()
    )
    return (
        draw(st.integers(1, 12)),
        draw(st.lists(postings, max_size=12)),
        draw(st.lists(st.integers(0, 1900), min_size=1, max_size=4)),
        draw(st.booleans()),
    )


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(history=histories())
def test_any_history_says_what_its_postings_come_to(app: Any, history: Any) -> None:
    month, drawn, days, is_reopened = history
    organization = factories.make_organization()
    with tenancy.acting_for(organization.id):
        factories.found(organization)
        admin, chapter = factories.make_admin(), factories.make_chapter()
        slowly = Slowly(month)
        for after, amount, move, in_chapter in drawn:
            day = FIRST + timedelta(days=after)
            post(amount, day, move, chapter if in_chapter else None)
            slowly.postings.append((day, amount, *(str(code.value) for code in MOVES[move])))
        for year in (2023, 2024, 2025):
            closing = close(FiscalYear.beginning(year, month), admin)
        if is_reopened:
            reopen(closing, admin)
        closed = [FiscalYear.beginning(year, month).ends_on for year in (2023, 2024, 2025)]
        if is_reopened:
            closed.pop()
        for day in [FIRST + timedelta(days=one) for one in days]:
            slowly.check(day, max((one for one in closed if one <= day), default=None))
        assert ledger.verify(organization) == [] and closed_years.differences() == []
        assert ledger.trial_balance(date(2030, 1, 1)).agrees
        db.session.rollback()


@pytest.mark.parametrize(
    ("day", "month", "starts", "ends", "same_day"),
    [
        (date(2024, 2, 29), 1, date(2024, 1, 1), date(2024, 12, 31), date(2023, 2, 28)),
        (date(2024, 2, 29), 3, date(2023, 3, 1), date(2024, 2, 29), date(2023, 2, 28)),
        (date(2025, 2, 28), 3, date(2024, 3, 1), date(2025, 2, 28), date(2024, 2, 29)),
        (date(2026, 6, 30), 7, date(2025, 7, 1), date(2026, 6, 30), date(2025, 6, 30)),
        (date(2026, 7, 1), 7, date(2026, 7, 1), date(2027, 6, 30), date(2025, 7, 1)),
    ],
)
def test_a_year_begins_with_any_month_and_its_last_day_is_compared_with_the_last_day_before(
    day: date, month: int, starts: date, ends: date, same_day: date
) -> None:
    year = FiscalYear.of(day, month)
    assert (year.starts_on, year.ends_on, year.same_day_before(day)) == (starts, ends, same_day)


def test_a_year_is_over_when_its_last_day_is_over_where_the_organization_is(app: Any) -> None:
    with clock_at("2026-12-31T10:30:00+00:00"):
        for zone, is_over in (("Pacific/Kiritimati", True), ("America/Adak", False)):
            organization = factories.make_organization(timezone=zone)
            with tenancy.acting_for(organization.id):
                factories.found(organization)
                admin, year = factories.make_admin(), FiscalYear.beginning(2026, 1)
                if is_over:
                    assert close(year, admin, organization.today).ends_on == date(2026, 12, 31)
                else:
                    with pytest.raises(Conflict, match="is not over"):
                        close(year, admin, organization.today)
                db.session.rollback()


def clock_at(moment: str) -> Any:
    return time_machine.travel(moment, tick=False)


def test_closing_moves_each_chapters_result_to_the_net_assets_and_closes_the_books(
    office: Organization, admin: Login
) -> None:
    chapter, year = factories.make_chapter(), FiscalYear.beginning(2025, 7)
    post(50_000, date(2026, 6, 30), 0, chapter)
    post(7_000, date(2026, 6, 30), 2)
    post(1_000, date(2026, 7, 1), 0, chapter)
    closing = close(year, admin)
    assert closing.result == 43_000
    assert ledger.chapter_balance(chapter.id, Code.NET_ASSETS) == 50_000
    assert ledger.chapter_balance(None, Code.NET_ASSETS) == -7_000
    assert ledger.chapter_balance(chapter.id, Code.DUES_INCOME) == 1_000
    assert ledger.closed_through(date(2026, 6, 30)) == date(2026, 6, 30)
    with pytest.raises(PostingBlocked):
        post(1, date(2026, 6, 30))


def test_a_year_is_closed_once_and_not_under_a_later_one(office: Organization, admin: Login) -> None:
    close(FiscalYear.beginning(2025, 1), admin)
    for year in (2025, 2024):
        with pytest.raises(Conflict, match="is closed already"):
            close(FiscalYear.beginning(year, 1), admin)


def test_a_year_is_opened_by_reversals_with_a_reason_the_latest_first(
    office: Organization, admin: Login
) -> None:
    post(50_000, date(2025, 5, 1))
    first = close(FiscalYear.beginning(2025, 1), admin)
    second = close(FiscalYear.beginning(2026, 1), admin)
    with pytest.raises(Conflict, match="2026 first"):
        reopen(first, admin)
    with pytest.raises(Invalid):
        reopen(second, admin, "  ")
    reopen(second, admin)
    reopen(first, admin)
    assert ledger.chapter_balance(None, Code.NET_ASSETS) == 0
    post(1, date(2025, 5, 2))
    assert close(FiscalYear.beginning(2025, 1), admin).result == 50_001


def test_the_books_of_a_closed_year_are_not_opened_by_themselves(office: Organization, admin: Login) -> None:
    closing = close(FiscalYear.beginning(2025, 1), admin)
    with pytest.raises(Conflict, match="closed with their fiscal year"), transaction():
        ledger.ClosedSpan.here().get(closing.span_id).reopen(by=admin, reason="Why not")


def test_in_books_that_are_closed_already_an_admin_has_to_say_why(office: Organization, admin: Login) -> None:
    post(50_000, date(2025, 5, 1))
    with transaction():
        ledger.close_span(date(2025, 1, 1), date(2025, 12, 31), by=admin)
    with pytest.raises(PostingBlocked):
        close(FiscalYear.beginning(2025, 1), admin)
    with ledger.overriding(Override(admin, "Months were closed one by one")):
        assert close(FiscalYear.beginning(2025, 1), admin).result == 50_000


def test_what_is_posted_into_a_closed_year_all_the_same_goes_with_the_next_closing(
    office: Organization, admin: Login
) -> None:
    post(50_000, date(2025, 5, 1))
    close(FiscalYear.beginning(2025, 1), admin)
    post(300, date(2025, 5, 2), by=admin, override=Override(admin, "A late letter"))
    assert close(FiscalYear.beginning(2026, 1), admin).result == 300


def test_a_year_begins_with_another_month_only_while_none_is_closed(
    office: Organization, admin: Login
) -> None:
    with transaction() as session:
        ledger.begin_years_with(session.get_one(Organization, office.id), 7, by=admin)
    close(FiscalYear.beginning(2024, 7), admin)
    with pytest.raises(Conflict, match="another month"), transaction() as session:
        ledger.begin_years_with(session.get_one(Organization, office.id), 1, by=admin)


def test_hledger_agrees_after_a_closing(office: Organization, admin: Login, tmp_path: Path) -> None:
    post(50_000, date(2025, 5, 1), 0, factories.make_chapter())
    close(FiscalYear.beginning(2025, 1), admin)
    text = "".join(Journal(office).text(Format.HLEDGER))
    hledger.run(text, tmp_path, "check", "--strict")
    found = hledger.by_code(hledger.balances(text, tmp_path))
    assert found == {"1000": money.to_decimal(50_000, "USD"), "3000": money.to_decimal(-50_000, "USD")}
    db.session.rollback()


def test_verify_tells_when_the_net_assets_are_not_what_closed_years_brought(
    office: Organization, admin: Login
) -> None:
    with transaction():
        ledger.open_standard_chart()
        moves = [Move(5, debit=Side(Code.BANK), credit=Side(Code.NET_ASSETS))]
        entry_id = ledger.post(
            Event.PAYMENT_RECEIVED, source=Paper(), moves=moves, on=FIRST, by=None, description="Odd"
        )
    [difference] = closed_years.differences()
    assert (difference.where, difference.expected, difference.found) == ("national", 0, 5)
    with transaction():
        entry = ledger.JournalEntry.here().get(entry_id)
        ledger.reverse(entry, source=Paper(), on=FIRST, by=None, description="Taken back")


def test_what_is_open_needs_a_reason_and_is_kept_with_it(organization: Organization) -> None:
    admin = factories.make_admin()
    year = FiscalYear.beginning(clock.now().year - 1, 1)
    assert all(item.is_settled for item in year_end.checklist(year))
    db.session.rollback()
    with transaction():
        closing = year_end.close(organization, year, by=admin, reason="not needed")
    assert closing.reason is None
