"""What a long file costs the web process that writes it: memory beyond what it has when nobody asks."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.request import Request, urlopen

import psutil

from benchmarks import crew, past, world
from benchmarks.measuring import MEGABYTE, Table
from benchmarks.visiting import visitor
from webapp.adapters.embedded.folder import free_port, wait_until
from webapp.domain.organizations import RoleName

MEMBERS = 5_000
ROWS = MEMBERS * past.MONTHS
FILES = {
    "invoices": "invoices/?format=csv",
    "journal": "exports/journal?form=csv",
    "journal for hledger": "exports/journal?form=hledger",
    "statement": "statement/?since=2020-01-01&format=csv",
}


@dataclass
class Server:
    """gunicorn with one process; `memory` is that one's, in bytes."""

    address: str
    process: psutil.Process

    @property
    def memory(self) -> int:
        return int(self.process.memory_info().rss)

    def read(self, path: str, cookie: str) -> tuple[int, int]:
        """Lines of the file, and the most memory while it was written."""
        peak, over = [0], threading.Event()

        def look() -> None:
            while not over.wait(0.01):
                peak[0] = max(peak[0], self.memory)

        looking = threading.Thread(target=look)
        looking.start()
        try:
            with urlopen(Request(self.address + path, headers={"Cookie": cookie}), timeout=600) as answer:
                lines = sum(part.count(b"\n") for part in iter(lambda: answer.read(65536), b""))
        finally:
            over.set()
            looking.join()
        return lines, peak[0]


def run(table: Table) -> None:
    with world.application() as app:
        made, little = world.organization(MEMBERS), world.organization(20)
        for organization in made, little:
            past.live_through(app, organization)
        with serving() as server:
            admins = {one.slug: visitor(app, one, RoleName.NATIONAL_ADMIN).cookie for one in (made, little)}
            seen = {}
            for name, file in FILES.items():
                server.read(f"/o/{little.slug}/national/{file}", admins[little.slug])
                idle = server.memory
                lines, peak = server.read(f"/o/{made.slug}/national/{file}", admins[made.slug])
                assert lines > ROWS, f"{name}: {lines} lines"
                seen[name] = (peak - idle) / MEGABYTE
    table.figure(
        "export_memory", max(seen.values()), *((name, f"{more:.1f} MB") for name, more in seen.items())
    )


@contextmanager
def serving() -> Iterator[Server]:
    port = free_port(0)
    place = f"127.0.0.1:{port}"
    command = ["-m", "gunicorn", "--config", "python:webapp.web.serving", "--bind", place, "wsgi:application"]
    started = subprocess.Popen(
        [sys.executable, *command], env=os.environ | crew.environment() | {"WEB_CONCURRENCY": "1"}
    )
    try:
        parent = psutil.Process(started.pid)
        server = Server(f"http://{place}", parent)
        assert wait_until(lambda: _answers(server))
        server.process = parent.children()[0]
        yield server
    finally:
        started.terminate()
        started.wait(60)


def _answers(server: Server) -> bool:
    try:
        with urlopen(f"{server.address}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
