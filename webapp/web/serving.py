"""How gunicorn runs the web pages: `gunicorn --config python:webapp.web.serving wsgi:application`.

TERM and HUP let every request under way finish; the socket is the master's, so a HUP refuses nobody. Whoever
is replaced stays until the others have loaded, so nobody waits for that.
"""

import gc
import os
import shutil
import tempfile
from typing import Any

from webapp.web.patient_worker import PatientWorker
from webapp.web.succession import Succession

workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
worker_class = PatientWorker
graceful_timeout = 25
timeout = 60
loglevel = "warning"

_SHARED_FILES = "PROMETHEUS_MULTIPROC_DIR"


def post_fork(_: Any, __: Any) -> None:
    """Nothing that is loaded now is garbage, and to look for some takes a third of the start."""
    gc.disable()


def post_worker_init(worker: Any) -> None:
    gc.freeze()
    gc.enable()
    worker.succession.has_loaded(worker.age)


def on_reload(server: Any) -> None:
    PatientWorker.succession.begin(last_age=server.worker_age)


def on_starting(_: Any) -> None:
    """A folder where the processes of this server keep their request times, gone with the server."""
    os.environ[_SHARED_FILES] = tempfile.mkdtemp(prefix="duesbook-metrics-")
    PatientWorker.succession = Succession()


def on_exit(_: Any) -> None:
    shutil.rmtree(os.environ[_SHARED_FILES], ignore_errors=True)
