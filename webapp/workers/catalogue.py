"""Which function does which job."""

from collections.abc import Callable

from webapp.core.jobs import Job

JOBS: dict[Job, Callable[..., None]] = {}
