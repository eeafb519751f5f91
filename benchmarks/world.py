"""Servers, an application and an organization of any size, thrown away afterwards."""

import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

from flask import Flask
from sqlalchemy import insert, text

from webapp import config, wiring
from webapp.adapters import schema
from webapp.adapters.embedded import Addresses, EmbeddedServers
from webapp.adapters.embedded.postgres_server import DATABASE, SUPERUSER
from webapp.app import create_app
from webapp.core import tenancy
from webapp.core.db import db, new_id, transaction
from webapp.domain.billing import batch, confirming, periods, run, schedules
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.settings import Cadence, DuesSettings
from webapp.domain.organizations import Chapter, Member, MemberStatus, Organization

CHAPTERS = 24
_STRETCH = 10_000


@contextmanager
def application() -> Iterator[Flask]:
    """The product on real servers of its own, in a folder that goes away with them."""
    with tempfile.TemporaryDirectory() as folder:
        servers = EmbeddedServers(Path(folder))
        with servers as addresses:
            Path(folder).chmod(0o755)
            schema.upgrade(addresses.database_owner_url)
            app = create_app(settings(Path(folder), addresses))
            app.config["SUPERUSER_URL"] = servers.postgres.url(SUPERUSER, DATABASE)
            with app.app_context():
                yield app
                db.session.remove()
                db.engine.dispose()


def settings(folder: Path, addresses: Addresses) -> config.Settings:
    return config.load(
        environment="development",
        data=folder,
        database_url=addresses.database_url,
        database_owner_url=addresses.database_owner_url,
        redis_url=addresses.redis_url,
        secret_key="only for benchmarks, long enough to be one",
        credential_keys=urlsafe_b64encode(b"benchmark" * 3 + b"keys.").decode(),
        log_level="ERROR",
    )


def organization(members: int, *, chapters: int = CHAPTERS) -> Organization:
    """One that has this many members, spread over its chapters, all billed at the default amount."""
    with transaction():
        made = wiring.found_organization(
            f"Benchmark {members}",
            currency="USD",
            timezone="UTC",
            admin_email="nobody@example.org",
            by=None,
        )
    with tenancy.acting_for(made.id):
        with transaction():
            DuesSettings.of(made).change(by=None, cadence=Cadence.MONTHLY, default_amount=40_000)
            for year in (2025, 2026):
                periods.generate(made, year, by=None)
            _fill(made, members, [new_id() for _ in range(chapters)])
        with transaction() as session:
            session.execute(text("ANALYZE members"))
    return made


def _fill(made: Organization, members: int, chapters: list[UUID]) -> None:
    status = MemberStatus.here().first(MemberStatus.code == "undergraduate")
    assert status is not None
    rows = [
        {
            "organization_id": made.id,
            "id": one,
            "code": f"C{n}",
            "name": f"Chapter {n}",
            "address": "",
            "active": True,
        }
        for n, one in enumerate(chapters)
    ]
    db.session.execute(insert(Chapter), rows)
    for start in range(0, members, _STRETCH):
        db.session.execute(
            insert(Member),
            [
                {
                    "organization_id": made.id,
                    "id": new_id(),
                    "number": f"M{n:07d}",
                    "first_name": "Ana",
                    "last_name": f"Member {n}",
                    "chapter_id": chapters[n % len(chapters)],
                    "status_id": status.id,
                    "address": "",
                    "payroll_deduction": False,
                    "more": {},
                    "changed_by_hand": [],
                }
                for n in range(start, min(start + _STRETCH, members))
            ],
        )


def period(code: str) -> BillingPeriod:
    found = BillingPeriod.here().first(BillingPeriod.code == code)
    assert found is not None
    return found


def bill(made: Organization, code: str) -> int:
    """One run in the foreground, as its jobs would do it. The number of invoices it made."""
    with transaction():
        asked = confirming.confirm(
            made, schedules.standard(), period(code), dated=date(2026, 11, 21), by=None
        )
    with transaction():
        run.start(asked.id)
        left = run.batches_left(asked.id)
    for batch_id in left:
        with transaction():
            batch.bill_batch(asked.id, batch_id)
    return run.BillingRun.open(asked.id).progress().invoiced
