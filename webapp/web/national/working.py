"""Is it working? Every part in plain words, with what to do, and the jobs that were given up."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core import audit, leases
from webapp.core.db import transaction
from webapp.core.jobs import OutboxJob
from webapp.domain.reporting import operation
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.national import national


@national.get("/working")
def working() -> str:
    return render_template(
        "national/working/index.html",
        lines=wiring.installation_checkup() + wiring.organization_checkup(current_organization),
        dead=operation.given_up(),
    )


@national.post("/working/<uuid:job_id>/revival")
def create_job_revival(job_id: UUID) -> Response:
    with transaction():
        job = OutboxJob.here().get(job_id, lock=True)
        leases.revive(job)
        audit.record("tried again", job, by=current_user, after={"job": job.name})
    return see_other("national.working", notice="It is being tried again.")
