"""A whole installation that a test may ruin: its own servers, and web, worker and scheduler as processes."""

import json
import os
import re
import signal
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import Any

import psutil
from flask import Flask

from tests.conftest import CREDENTIAL_KEY
from tests.faults import forks
from tests.faults.forks import Forked
from tests.sandbox.control import SandboxControl
from webapp.adapters.embedded import EmbeddedServers
from webapp.app import create_app
from webapp.config import load

PATIENCE = 150
"""Seconds; a bound for what must come at all, not a figure."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: HTTPMessage
    text: str


@dataclass
class Installation:
    servers: EmbeddedServers
    app: Flask
    sandbox: SandboxControl
    environment: dict[str, str]
    port: int
    processes: dict[str, Forked] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    # Processes

    def start_web(self, **environment: str) -> None:
        self.start(
            "web", "-m", "gunicorn", "wsgi:application", "--bind", f"127.0.0.1:{self.port}", "--workers", "1",
            "--threads", "4", "--log-level", "critical", **environment,
        )  # fmt: skip
        until(lambda: self.get("/healthz").status == 200)

    def start_worker(self, name: str = "worker", **environment: str) -> None:
        self.start(name, "-m", "webapp.workers", "now", "mail", "bulk", **environment)

    def start_scheduler(self, name: str = "scheduler", **environment: str) -> None:
        """One that has less to wait for than usual from one look to the next."""
        self.start(name, "-c", "from webapp.workers import schedule; schedule.main(every=2)", **environment)

    def start(self, name: str, *arguments: str, network: str = "", **environment: str) -> None:
        known = self.environment | environment
        with (Path(self.environment["DUESBOOK_DATA"]) / f"{name}.log").open("ab") as log:
            self.processes[name] = forks.start(*arguments, environment=known, network=network, stdout=log)

    def stop(self, name: str) -> None:
        """As an operator does: it ends what it is doing."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait(PATIENCE)

    def kill(self, name: str) -> None:
        """With everything it has started."""
        process = self.processes.pop(name)
        kill_family(process.pid)
        process.wait(PATIENCE)

    def is_running(self, name: str) -> bool:
        return self.processes[name].poll() is None

    def said(self, name: str) -> str:
        return (Path(self.environment["DUESBOOK_DATA"]) / f"{name}.log").read_text(errors="replace")

    # The servers

    @property
    def postgres_pid(self) -> int:
        return int((self.servers.folder.path / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])

    def kill_postgres(self) -> None:
        kill_family(self.postgres_pid)

    def kill_redis(self) -> None:
        with self.redis() as client:
            kill_family(int(client.info("server")["process_id"]))

    def lose_redis(self) -> None:
        """Killed, and what it wrote down is gone too."""
        self.kill_redis()
        for file in (self.servers.folder.path / "redis").rglob("*"):
            if file.is_file():
                file.unlink()

    def redis(self) -> Any:
        return self.servers.redis._client()

    # What a person or a program does

    def get(self, path: str, **headers: str) -> Answer:
        return self.send(urllib.request.Request(self.url + path, headers=headers))

    def post(self, path: str, form: dict[str, str]) -> Answer:
        """A form of a page, with the page's own token and cookie."""
        page = self.get(form.pop("page", path))
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
        cookie = page.headers.get("Set-Cookie", "").partition(";")[0]
        body = urllib.parse.urlencode(form | ({"csrf_token": token[1]} if token else {})).encode()
        return self.send(urllib.request.Request(self.url + path, body, {"Cookie": cookie}))

    def call(self, path: str, body: dict[str, Any], token: str, key: str) -> Answer:
        """A program's request."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        headers["Content-Type"] = "application/json"
        return self.send(urllib.request.Request(self.url + path, json.dumps(body).encode(), headers))

    def send(self, request: urllib.request.Request) -> Answer:
        """Status 0 when nobody answered."""
        try:
            with _BROWSER.open(request, timeout=20) as answer:
                return Answer(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as answer:
            with answer:
                return Answer(answer.code, answer.headers, answer.read().decode())
        except (OSError, HTTPException):
            return Answer(0, HTTPMessage(), "")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_BROWSER = urllib.request.build_opener(_NoRedirects)


def settle(
    servers: EmbeddedServers, database: Any, redis_url: str, data: Path, sandbox_url: str
) -> Installation:
    """Configured, with no process started yet."""
    port = free_port()
    public_url = f"http://localhost:{port}"
    settings = load(
        environment="development",
        data=data,
        database_url=database.app_url,
        database_owner_url=database.owner_url,
        redis_url=redis_url,
        secret_key="a secret key that only tests know, long enough",
        credential_keys=CREDENTIAL_KEY,
        public_url=public_url,
        log_level="WARNING",
        stripe_api_base=sandbox_url,
    )
    app = create_app(settings)
    environment = os.environ | {
        "DUESBOOK_ENVIRONMENT": settings.environment,
        "DUESBOOK_DATA": str(data),
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "CREDENTIAL_KEYS": settings.credential_keys,
        "PUBLIC_URL": public_url,
        "STRIPE_API_BASE": sandbox_url,
        "LOG_LEVEL": "WARNING",
    }
    return Installation(servers, app, SandboxControl(sandbox_url), environment, port)


def kill_family(pid: int) -> None:
    """A process and all it has started, at once and without a word."""
    try:
        parent = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return
    parent.send_signal(signal.SIGSTOP)  # so that it starts nobody new
    family = [parent, *parent.children(recursive=True)]
    for process in family:
        with_luck(process.kill)
    psutil.wait_procs(family, timeout=PATIENCE)


def with_luck(act: Callable[[], object]) -> None:
    try:
        act()
    except psutil.NoSuchProcess:
        return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
