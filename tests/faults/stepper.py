"""The process that does things and dies in a fork, at each passage of each place, and who does the rest."""

import json
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, update

from tests.faults import forks
from tests.faults.office import Office
from tests.jobs import JobRunner
from webapp.core import backlog, failpoints, tenancy
from webapp.core.db import db, transaction
from webapp.core.jobs import Job, JobState, OutboxJob
from webapp.workers import runner

PLACES = ["commit", "committed", "answered"]
"""Before a commit, after it, and after a processor's answer."""


class Stepper:
    """The process that does things, and dies in a fork."""

    def __init__(self, office: Office, **environment: str) -> None:
        self.organization_id = str(office.organization.id)
        ours, theirs = socket.socketpair()
        with (
            ours,
            theirs,
            (Path(office.installation.environment["DUESBOOK_DATA"]) / "stepper.log").open("ab") as log,
        ):
            known = office.installation.environment | environment
            self._process = forks.start(
                "-m", "tests.faults.stepping", environment=known, stdin=theirs, stdout=theirs, stderr=log
            )
            self._orders, self._answers = ours.makefile("w"), ours.makefile("r")

    def dies(self, fail_at: str, kind: str, row_id: Any) -> bool:
        """False when it never came by the place, and so finished."""
        print(json.dumps([fail_at, self.organization_id, kind, str(row_id)]), file=self._orders, flush=True)
        status = int(self._answers.readline())
        assert status in (0, failpoints.KILLED), f"{fail_at}: {status}"
        return status == failpoints.KILLED

    def close(self) -> None:
        self._orders.close()
        self._answers.close()
        self._process.wait(10)


def every_step(act: Callable[[str], bool], places: Sequence[str] = PLACES) -> int:
    """Again with the next passage of each place, until one round gets by it unharmed. How many died."""
    deaths = 0
    for place in places:
        passage = 1
        while act(f"{place}:{passage}"):
            passage, deaths = passage + 1, deaths + 1
    return deaths


def promised(office: Office, job: Job) -> OutboxJob:
    return [row for row in office.jobs("queued") if row.name == job.work.name][-1]


def take_over(*, mailing: bool = False) -> None:
    """The leases of the dead run out, and somebody else does what is left, the mails if asked."""
    wanted = () if mailing else (OutboxJob.name != Job.DELIVER_MAILS.work.name,)
    with tenancy.platform(), transaction():
        running = OutboxJob.state == JobState.RUNNING
        db.session.execute(
            update(OutboxJob).where(running).values(lease_expires_at=func.now(), due_at=func.now())
        )
    for _ in range(3):
        with tenancy.platform(), transaction():
            stuck = backlog.overdue_nudges()
        for nudge in stuck:
            if mailing or nudge.work is not Job.DELIVER_MAILS.work:
                runner.perform(str(nudge.organization_id), str(nudge.job_id))
        JobRunner(*wanted).run_all()
