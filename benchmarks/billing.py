"""How a billing run grows, and what it costs to run it again."""

from benchmarks import world
from benchmarks.measuring import Table, seconds
from webapp.core import tenancy

SMALL, LARGE = 2_000, 20_000


def run(table: Table) -> None:
    with world.application():
        small = _first_run(SMALL, "2025-01")
        made = world.organization(LARGE)
        with tenancy.acting_for(made.id):
            first = seconds(lambda: world.bill(made, "2025-01"))
            again = seconds(lambda: world.bill(made, "2025-01"))
            later = [
                seconds(lambda month=month: world.bill(made, f"2025-{month:02d}")) for month in range(2, 6)
            ]
    per_invoice = first / LARGE
    table.ratio(
        "billing_growth", per_invoice / (small / SMALL), ("20,000 members", first), ("2,000 members", small)
    )
    table.ratio(
        "billing_growth_periods", later[-1] / first, ("fifth period", later[-1]), ("first period", first)
    )
    table.ratio("billing_rerun", again / first, ("again, nothing to do", again), ("first", first))


def _first_run(members: int, code: str) -> float:
    made = world.organization(members)
    with tenancy.acting_for(made.id):
        return seconds(lambda: world.bill(made, code))
