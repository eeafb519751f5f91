"""The process that does things and dies in a fork, at each passage of each place, and who does the rest."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import func, update

from tests.faults.installation import ROOT
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
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.stepping"], cwd=ROOT, text=True,
            env=office.installation.environment | environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def dies(self, fail_at: str, kind: str, row_id: Any) -> bool:
        """False when it never came by the place, and so finished."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([fail_at, self.organization_id, kind, str(row_id)]) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert status in (0, failpoints.KILLED), f"{fail_at}: {status}"
        return status == failpoints.KILLED

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
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
