"""/metrics for Prometheus: how long requests take, how far work lags, how jobs and processors do.

Request times are kept by each web process, in files that the processes of one server share, because a page
must not wait for a counter. Everything else is read when asked: backlogs from the outbox, which is their
truth, and counts of jobs and processor calls from Redis, because a work horse ends with its job.
Names, amounts and addresses are in no label.
"""

import hmac
import os
from collections.abc import Iterator
from functools import cache

from flask import Blueprint, Response, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from webapp.config import Settings
from webapp.core import backlog, clock, signs, tally
from webapp.core.errors import NotFound
from webapp.core.tally import Counted

SHARED_FILES = "PROMETHEUS_MULTIPROC_DIR"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_own = CollectorRegistry()
_REQUESTS = Histogram(
    "duesbook_request_seconds",
    "How long requests took, by page and kind of answer.",
    ["endpoint", "method", "status"],
    registry=_own,
    buckets=_BUCKETS,
)

metrics = Blueprint("metrics", __name__)


def took(endpoint: str | None, method: str, status: int, seconds: float) -> None:
    """By endpoint, never by address: an address holds ids and tokens."""
    known = method if method in _METHODS else "other"
    _requests(endpoint or "none", known, f"{status // 100}xx").observe(seconds)


_requests = cache(_REQUESTS.labels)
"""So many as there are pages, methods and kinds of answers."""


@metrics.get("/metrics")
def figures() -> Response:
    if not _may_read():
        raise NotFound
    registry = CollectorRegistry()
    registry.register(_Installation())
    if SHARED_FILES in os.environ:
        MultiProcessCollector(registry)
        text = generate_latest(registry)
    else:
        text = generate_latest(registry) + generate_latest(_own)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


def _may_read() -> bool:
    """With METRICS_TOKEN whoever has it; without, this machine itself, and nobody through a proxy on it."""
    settings: Settings = current_app.config["SETTINGS"]
    if settings.metrics_token:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            token.strip().encode(), settings.metrics_token.encode()
        )
    through_proxy = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return request.remote_addr in ("127.0.0.1", "::1") and not through_proxy


class _Installation(Collector):
    """What is true of the installation as a whole, whichever of its web servers is asked."""

    def collect(self) -> Iterator[Metric]:
        yield from _backlog()
        yield from _signs()
        yield _counts("duesbook_jobs", "Jobs by how they ended.", Counted.JOB, "job")
        yield _counts(
            "duesbook_processor_calls",
            "Calls to payment processors by answer.",
            Counted.PROCESSOR_CALL,
            "processor",
        )


def _backlog() -> Iterator[Metric]:
    found = backlog.measure()
    age = GaugeMetricFamily(
        "duesbook_queue_age_seconds", "How long the oldest due job of a queue waits.", labels=["queue"]
    )
    waiting = GaugeMetricFamily("duesbook_queue_waiting", "Jobs that are due and wait.", labels=["queue"])
    running = GaugeMetricFamily("duesbook_queue_running", "Jobs being done.", labels=["queue"])
    for queue in found.queues:
        age.add_metric([queue.name], queue.age)
        waiting.add_metric([queue.name], queue.waiting)
        running.add_metric([queue.name], queue.running)
    dead = GaugeMetricFamily("duesbook_jobs_dead", "Jobs given up, waiting for a person.", labels=["job"])
    for name, number in found.dead.items():
        dead.add_metric([name], number)
    yield from (age, waiting, running, dead)
    yield _gauge("duesbook_outbox_lag_seconds", "How long the oldest due promise waits.", found.age)
    yield _gauge(
        "duesbook_webhook_lag_seconds", "Age of the oldest event without reaction.", found.webhook_age
    )
    yield _gauge("duesbook_mails_waiting", "Mails that are to be handed over.", found.mails_waiting)


def _signs() -> Iterator[Metric]:
    now = clock.now()
    age = GaugeMetricFamily("duesbook_sign_age_seconds", "Since the last sign of life.", labels=["sign"])
    for sign, at in signs.seen().items():
        age.add_metric([sign.value], (now - at).total_seconds())
    yield age


def _gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(name, said, value=value)


def _counts(name: str, said: str, what: Counted, label: str) -> Metric:
    family = CounterMetricFamily(name, said, labels=[label, "outcome"])
    for (who, outcome), number in tally.counted(what).items():
        family.add_metric([who, outcome], number)
    return family
