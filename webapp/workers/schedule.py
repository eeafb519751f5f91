"""What runs when: the sweeper every 20 seconds, each organization's day after 3 in its own morning."""

import signal
import threading
from datetime import UTC, datetime, timedelta

import structlog
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from webapp.adapters.rq_dispatcher import RqDispatcher
from webapp.core import backlog, clock, jobs, signs, tenancy
from webapp.core.db import database_time, db, transaction
from webapp.core.jobs import Job, later
from webapp.core.signs import Sign
from webapp.domain.organizations import Organization

SWEEP_EVERY = 20
DAY_STARTS_AT = 3

log = structlog.get_logger()


def sweep(dispatcher: jobs.Dispatcher) -> int:
    """Send every due job that nobody is working on again. The number sent."""
    with tenancy.platform(), transaction():
        stuck = backlog.overdue_nudges()
        signs.give(Sign.SCHEDULER)
    if stuck and not dispatcher.nudge(stuck):
        with tenancy.platform(), transaction():
            backlog.not_sent(stuck)
        return 0
    return len(stuck)


def promise_regular_work(moment: datetime) -> None:
    """Once a day and once an hour per organization, however many schedulers run: the promise is unique.

    `moment` is the database's: whose clock is an hour ahead begins nobody's day early.
    """
    organizations = db.session.scalars(select(Organization)).all()
    db.session.rollback()
    for organization in organizations:
        local = moment.astimezone(clock.zone(organization.timezone))
        with tenancy.acting_for(organization.id), transaction():
            hour = f"{moment.astimezone(UTC):%Y-%m-%dT%H}"
            later(Job.LOOK_THROUGH_EVENTS, once=hour)
            later(Job.SEAL_RECORDS, once=hour)
            if local.hour >= DAY_STARTS_AT:
                day = local.date().isoformat()
                later(Job.DAILY, once=day, day=day)
                later(Job.VERIFY_BOOKS, once=day)


def run(app: Flask, dispatcher: jobs.Dispatcher, stopping: threading.Event, every: float) -> None:
    """Tick until told to stop. A tick that fails is logged and the next one tries again."""
    next_promise = clock.now()
    while not stopping.is_set():
        with app.app_context():
            try:
                if clock.now() >= next_promise:
                    promise_regular_work(database_time())
                    next_promise = clock.now() + timedelta(minutes=5)
                sent = sweep(dispatcher)
                if sent:
                    log.info("swept", jobs=sent)
            except SQLAlchemyError as error:
                db.session.rollback()
                log.error("tick_failed", reason=str(error)[:300])
        stopping.wait(every)


def main(*, every: float = SWEEP_EVERY) -> None:
    """`every` so many seconds."""
    from wsgi import app, settings

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    run(app, RqDispatcher(settings.redis_url), stopping, every)


if __name__ == "__main__":
    main()
