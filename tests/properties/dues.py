"""Who is billed, and how much: the rules of billing, once more and slowly, without the product."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from tests.properties.books import Books
from tests.properties.documents import Bill

DUE_AFTER = timedelta(days=30)


@dataclass
class Person:
    number: str
    chapter: str
    status: str
    share: int
    joined_on: date
    left_on: date | None = None

    def is_active(self, day: date) -> bool:
        return self.joined_on <= day and (self.left_on is None or day <= self.left_on)


@dataclass(frozen=True)
class Rate:
    status: str
    chapter: str | None
    amount: int
    starts_on: date | None
    ends_on: date | None

    def covers(self, day: date) -> bool:
        return (self.starts_on or date.min) <= day <= (self.ends_on or date.max)


@dataclass(frozen=True)
class Period:
    code: str
    starts_on: date
    ends_on: date
    due_on: date
    grace_until: date


@dataclass(frozen=True)
class Schedule:
    """`amount`: none where rates say it, per head, or the total that is divided by shares."""

    name: str
    income: str
    percent: Decimal
    amount: int | None = None
    divided: bool = False
    status: str | None = None


@dataclass
class Run:
    schedule: Schedule
    period: Period
    day: date
    asked_by: str
    state: str = "confirmed"


@dataclass
class Roll:
    """The members, what they pay, and the runs that billed them."""

    books: Books
    default: int
    not_billed: frozenset[str]
    people: dict[str, Person] = field(default_factory=dict)
    rates: list[Rate] = field(default_factory=list)
    periods: list[Period] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    runs: list[Run] = field(default_factory=list)
    last_numbers: dict[int, int] = field(default_factory=dict)

    def price(self, person: Person, day: date) -> int:
        """The most specific rate wins, and of two the one that was set last."""
        for chapter in (person.chapter, None):
            for rate in reversed(self.rates):
                if (rate.status, rate.chapter) == (person.status, chapter) and rate.covers(day):
                    return rate.amount
        return self.default

    def charges(self, schedule: Schedule, period: Period, day: date) -> dict[str, int]:
        """What each member who has no bill for it yet would have to pay, in the order of their numbers."""
        live = self._live(schedule, period)
        payers = [
            person
            for number, person in sorted(self.people.items())
            if number not in live
            and person.is_active(day)
            and person.status not in self.not_billed
            and schedule.status in (None, person.status)
        ]
        if schedule.divided:
            found = self._divided(schedule, sum(live.values()), payers)
        else:
            found = {
                one.number: self.price(one, period.starts_on) if schedule.amount is None else schedule.amount
                for one in payers
            }
        return {number: amount for number, amount in found.items() if amount}

    def bill(self, run: Run) -> None:
        """Everybody gets a number in turn, and nobody a second bill."""
        due_on, grace_until = self._due(run)
        for number, amount in self.charges(run.schedule, run.period, run.day).items():
            place = self.last_numbers[run.day.year] = self.last_numbers.get(run.day.year, 0) + 1
            self.books.issue(
                Bill(
                    number=f"{run.day.year}-{place:06d}",
                    person=number,
                    chapter=self.people[number].chapter,
                    schedule=run.schedule.name,
                    period=run.period.code,
                    run=self.runs.index(run),
                    billed=amount,
                    chapter_part=int(amount * Fraction(run.schedule.percent) / 100 + Fraction(1, 2)),
                    income=run.schedule.income,
                    issued_on=run.day,
                    due_on=due_on,
                    grace_until=grace_until,
                )
            )
        run.state = "done"

    def under_way(self, schedule: Schedule, period: Period) -> Run | None:
        same = [run for run in self.runs if (run.schedule, run.period) == (schedule, period)]
        return next((run for run in same if run.state in ("confirmed", "undoing")), None)

    def bills_of(self, run: Run) -> list[Bill]:
        place = self.runs.index(run)
        return [bill for bill in self.books.bills.values() if bill.run == place]

    def is_touched(self, run: Run) -> bool:
        """Whether money came for one of its bills, or is on its way, an officer changed one, or it is, or was
        for interest, on a payment plan."""
        books = self.books
        return any(
            bill.paid
            or bill.is_changed
            or bill.interest
            or books.is_under_way(bill)
            or books.is_on_plan(bill)
            for bill in self.bills_of(run)
        )

    def undo(self, run: Run) -> None:
        if self.is_touched(run):
            run.state = "done"
            return
        for bill in self.bills_of(run):
            if not bill.void:
                self.books.void(bill)
        run.state = "undone"

    def _live(self, schedule: Schedule, period: Period) -> dict[str, int]:
        return {
            bill.person: bill.billed
            for bill in self.books.bills.values()
            if (bill.schedule, bill.period) == (schedule.name, period.code) and not bill.void
        }

    def _due(self, run: Run) -> tuple[date, date]:
        grace = run.period.grace_until - run.period.due_on
        due_on = run.period.due_on if run.period.due_on >= run.day else run.day + DUE_AFTER
        return due_on, due_on + grace

    @staticmethod
    def _divided(schedule: Schedule, billed: int, payers: list[Person]) -> dict[str, int]:
        """Whole cents first; the cents that are left go to the largest remainders."""
        total = max(0, (schedule.amount or 0) - billed)
        payers = [one for one in payers if one.share]
        whole = sum(one.share for one in payers)
        exact = {one.number: Fraction(total * one.share, whole) for one in payers}
        parts = {number: int(part) for number, part in exact.items()}
        by_remainder = sorted(exact, key=lambda number: (parts[number] - exact[number], number))
        for number in by_remainder[: total - sum(parts.values())]:
            parts[number] += 1
        return parts
