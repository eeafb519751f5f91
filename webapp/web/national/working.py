"""Is it working? The background work of this organization in plain words, and what was given up."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core import audit, jobs
from webapp.core.db import transaction
from webapp.core.jobs import OutboxJob
from webapp.domain.reporting import operation
from webapp.web.htmx import see_other
from webapp.web.national import national


@national.get("/working")
def working() -> str:
    return render_template(
        "national/working/index.html", health=operation.health(), dead=operation.given_up()
    )


@national.post("/working/<uuid:job_id>/revival")
def create_job_revival(job_id: UUID) -> Response:
    with transaction():
        job = OutboxJob.here().get(job_id, lock=True)
        jobs.revive(job)
        audit.record("tried again", job, by=current_user, after={"job": job.name})
    return see_other("national.working", notice="It is being tried again.")
