"""Verifying the books against reading them once."""

from sqlalchemy import text

from benchmarks import world
from benchmarks.measuring import Table, best
from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain import ledger

MEMBERS = 100_000
MONTHS = 10


def run(table: Table) -> None:
    with world.application():
        made = world.organization(MEMBERS)
        with tenancy.acting_for(made.id):
            for month in range(1, MONTHS + 1):
                world.bill(made, f"2025-{month:02d}")
            db.session.execute(text("SET LOCAL enable_indexscan = off"))
            scan = best(lambda: db.session.execute(text("SELECT sum(amount), count(*) FROM postings")).all())
            db.session.rollback()
            verify = best(lambda: ledger.verify(made))
    table.ratio("ledger_verify", verify / scan, ("verify", verify), ("sequential scan", scan))
