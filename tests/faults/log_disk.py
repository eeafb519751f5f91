"""A disk that can be filled up, for PostgreSQL's write-ahead log.

A small file system of its own where it may be mounted; elsewhere a limit on the size of files. What fills it
is what fills it in life: a replication slot that nobody reads any more, for which every segment is kept.
"""

import resource
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.faults.disk import mount
from tests.faults.installation import kill_family
from webapp.adapters.embedded import EmbeddedServers

SEGMENT = 16 * 1024**2
_SLOT = "abandoned"
_KEEP = "SELECT pg_create_physical_replication_slot(%s, true)"
_LET_GO = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s"
_WRITE = "SELECT pg_logical_emit_message(true, '', repeat('x', 1000000))"


class LogDisk(ABC):
    def __init__(self, servers: EmbeddedServers) -> None:
        self.servers = servers

    def fill(self) -> None:
        """PostgreSQL has ended when this returns: it does not go on without its log."""
        self.run(_KEEP)
        self._leave_no_room()
        try:
            self.run(_WRITE, times=2000)
        except psycopg.Error:  # as it ends, it may still say why
            return
        raise AssertionError("There is still room.")

    def run(self, statement: str, *, times: int = 1) -> None:
        with psycopg.connect(self.servers.postgres.superuser_url, autocommit=True) as connection:
            for _ in range(times):
                connection.execute(statement, [_SLOT] if "%s" in statement else None)

    @abstractmethod
    def _leave_no_room(self) -> None: ...

    @abstractmethod
    def make_room(self) -> None:
        """And start PostgreSQL again, as whoever looks after it does."""


class SmallLogDisk(LogDisk):
    """The log lies on a file system of its own, beside a file that takes all that is left."""

    def __init__(self, servers: EmbeddedServers, place: Path) -> None:
        super().__init__(servers)
        self.ballast = place / "ballast"

    def _leave_no_room(self) -> None:
        with self.ballast.open("wb", buffering=0) as ballast:
            ballast.write(bytes(shutil.disk_usage(self.ballast.parent).free))

    def make_room(self) -> None:
        self.ballast.unlink()
        self.servers.start()


class ShortSegments(LogDisk):
    """PostgreSQL is started again with the limit, which no segment fits into, and later without it."""

    def _leave_no_room(self) -> None:
        kept = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.run("SELECT pg_switch_wal()")
        self.servers.postgres.stop()
        resource.setrlimit(resource.RLIMIT_FSIZE, (SEGMENT * 3 // 4, kept[1]))
        try:
            self.servers.postgres.start()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, kept)

    def make_room(self) -> None:
        """One that can't write its log can't shut down in order either."""
        pid_file = self.servers.folder.path / "postgres" / "postmaster.pid"
        if pid_file.exists():
            kill_family(int(pid_file.read_text().split("\n", 1)[0]))
        self.servers.start()


@contextmanager
def short_segments(servers: EmbeddedServers) -> Iterator[LogDisk]:
    made = ShortSegments(servers)
    try:
        yield made
    finally:
        made.make_room()
        made.run(_LET_GO)


@contextmanager
def own_log_disk(servers: EmbeddedServers) -> Iterator[LogDisk]:
    """The log is moved there and back; PostgreSQL is started anew both times."""
    log = servers.folder.path / "postgres" / "pg_wal"
    with tempfile.TemporaryDirectory(prefix="log-disk-") as place:
        if not mount(place, _size(log) + 4 * SEGMENT):
            with short_segments(servers) as made:
                yield made
            return
        try:
            _move(servers, log, Path(place) / "pg_wal")
            log.symlink_to(Path(place) / "pg_wal")
            servers.start()
            made = SmallLogDisk(servers, Path(place))
            yield made
            made.ballast.unlink(missing_ok=True)
            servers.start()
            made.run(_LET_GO)
            servers.postgres.stop()
            log.unlink()
            _move(servers, Path(place) / "pg_wal", log)
            servers.start()
        finally:
            subprocess.run(["umount", "--lazy", place], check=True)


def _move(servers: EmbeddedServers, source: Path, target: Path) -> None:
    servers.postgres.stop()
    subprocess.run(["cp", "--archive", str(source), str(target)], check=True)
    shutil.rmtree(source)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
