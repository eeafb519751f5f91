"""How gunicorn runs the web pages: `gunicorn --config python:webapp.web.serving wsgi:application`.

TERM and HUP let every request under way finish; the socket is the master's, so a HUP refuses nobody.
"""

import gc
import os
import shutil
import tempfile
from typing import Any

workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
worker_class = "webapp.web.patient_worker.PatientWorker"
graceful_timeout = 25
timeout = 60
loglevel = "warning"

_SHARED_FILES = "PROMETHEUS_MULTIPROC_DIR"


def post_fork(_: Any, __: Any) -> None:
    """Nothing that is loaded now is garbage, and to look for some takes a third of the start."""
    gc.disable()


def post_worker_init(_: Any) -> None:
    gc.freeze()
    gc.enable()


def on_starting(_: Any) -> None:
    """A folder where the processes of this server keep their request times, gone with the server."""
    os.environ[_SHARED_FILES] = tempfile.mkdtemp(prefix="duesbook-metrics-")


def on_exit(_: Any) -> None:
    shutil.rmtree(os.environ[_SHARED_FILES], ignore_errors=True)
