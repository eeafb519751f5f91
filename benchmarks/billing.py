"""What a billing run costs beside the SQL that would write the same, how it grows, what a repeat costs."""

from collections.abc import Callable
from statistics import mean

from benchmarks import billing_floors, crew, world
from benchmarks.measuring import MEGABYTE, Table, seconds
from webapp.core import tenancy
from webapp.domain.organizations import Organization

MEMBERS = 100_000
SMALL, LARGE = 10_000, 300_000
PERIODS = 10
ROUNDS = 3
BY_HAND = 300


def run(table: Table) -> None:
    """Two rounds, the product and its floor by turns, in one database: each has the faster of its two."""
    with world.application():
        product, floor = world.organization(MEMBERS), world.organization(MEMBERS)
        with crew.at_work(2) as two:
            first, sql = _by_turns(product, floor, two)
            with tenancy.acting_for(product.id):
                again = seconds(lambda: two.bill(product, "2025-02"))
        with crew.at_work(1) as one, tenancy.acting_for(product.id):
            alone = seconds(lambda: one.bill(product, "2025-03"))
        with tenancy.acting_for(floor.id):
            by_hand = seconds(lambda: billing_floors.one_by_one(floor, BY_HAND, "2025-03"))
    table.ratio("billing_run_vs_sql", first / sql, ("two workers", first), ("one statement", sql))
    table.ratio("billing_rerun", again / first, ("again, nothing to do", again), ("first", first))
    table.ratio("billing_two_workers", alone / first, ("one worker", alone), ("two workers", first))
    table.ratio("billing_vs_orm", by_hand / BY_HAND * MEMBERS / first, (f"{BY_HAND} one by one", by_hand))
    table.figure("export_memory_billing_run", two.peak / MEGABYTE)


def grow(table: Table) -> None:
    """In the foreground: time per invoice as members and periods become more.

    The large run takes a minute, and whatever the database does by itself falls into it; a small one takes
    two seconds. So it is compared with the average of small ones before and after it. A period of a small one
    takes two seconds as well, so each is the fastest of some organizations'.
    """
    codes = [f"2025-{month:02d}" for month in range(1, PERIODS + 1)]
    with world.application():
        rounds = [_rate(SMALL, codes) for _ in range(ROUNDS)]
        [large] = _rate(LARGE, codes[:1])
        after = [_rate(SMALL, codes[:1]) for _ in range(ROUNDS)]
    periods = [min(one) for one in zip(*rounds, strict=True)]
    small = mean(first for first, *_ in (*rounds, *after))
    table.ratio("billing_growth", large / small, ("an invoice of 300,000", large), ("of 10,000", small))
    table.ratio(
        "billing_growth_periods",
        periods[-1] / periods[0],
        ("an invoice of the tenth period", periods[-1]),
        ("of the first", periods[0]),
    )


def _by_turns(product: Organization, floor: Organization, two: crew.Crew) -> tuple[float, float]:
    ours, theirs = [], []
    for code in ("2025-01", "2025-02"):
        theirs.append(_in(floor, lambda code=code: billing_floors.all_at_once(floor, MEMBERS, code)))
        ours.append(_in(product, lambda code=code: two.bill(product, code)))
    return min(ours), min(theirs)


def _in(made: Organization, work: Callable[[], object]) -> float:
    with tenancy.acting_for(made.id):
        return seconds(work)


def _rate(members: int, codes: list[str]) -> list[float]:
    """Seconds an invoice, for each of these periods of a new organization."""
    made = world.organization(members)
    with tenancy.acting_for(made.id):
        return [seconds(lambda code=code: world.bill(made, code)) / members for code in codes]
