"""Runs what the outbox promises, in order, until nothing is due."""

from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.jobs import JobState, OutboxJob
from webapp.workers import runner


class Silence:
    """Loses every nudge; the tests run due jobs themselves, as the sweeper would."""

    def nudge(self, nudges: Any) -> bool:
        return True


class JobRunner:
    """All of it, or what meets the given conditions."""

    def __init__(self, *conditions: ColumnElement[bool]) -> None:
        self.conditions = conditions

    def due(self) -> list[OutboxJob]:
        db.session.rollback()  # a test that has been reading would ask with the clock of then
        with tenancy.platform():
            found = db.session.scalars(
                select(OutboxJob)
                .where(OutboxJob.state == JobState.QUEUED, OutboxJob.due_at <= func.now(), *self.conditions)
                .order_by(OutboxJob.id)
                .execution_options(populate_existing=True)
            ).all()
            for row in found:
                db.session.expunge(row)  # a job that fails takes along whatever the session holds
            db.session.rollback()
            return list(found)

    def run_all(self, *, most: int = 500) -> int:
        """How many were run. A job that keeps failing is put off by its pause, so this ends."""
        count = 0
        while (rows := self.due()) and count < most:
            for row in rows:
                runner.perform(str(row.organization_id), str(row.id))
                count += 1
        return count

    def skip_pauses(self) -> None:
        """As if the waiting time of failed jobs were over."""
        with tenancy.platform(), transaction():
            db.session.execute(
                update(OutboxJob).where(OutboxJob.state == JobState.QUEUED).values(due_at=func.now())
            )

    def named(self, name: str) -> list[OutboxJob]:
        with tenancy.platform():
            found = db.session.scalars(
                select(OutboxJob)
                .where(OutboxJob.name == name)
                .order_by(OutboxJob.id)
                .execution_options(populate_existing=True)
            ).all()
            db.session.rollback()
            return list(found)
