"""A disk that can be filled up, for the database of one installation.

A small file system of its own where it may be mounted. Elsewhere a limit on the size of files does the same
to PostgreSQL, which then finds no room in the one table that is large.
"""

import resource
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.errors import DiskFull, InternalError_

from webapp.adapters.embedded import EmbeddedServers

SIZE = 80 * 1024**2
LONGEST_FILE = 16 * 1024**2 + 4096
"""Bytes: a segment of the write-ahead log, which must not be cut, and half a page of a table."""

_PADDING = (
    "INSERT INTO outbox (organization_id, id, name, queue, arguments, state, attempts, last_error)"
    " SELECT %s, gen_random_uuid(), 'padding', 'now', '{}', 'done', 1, repeat('x', %s)"
    " FROM generate_series(1, %s)"
)


class Disk(ABC):
    sentence: str
    """What somebody hears who wants to save something."""

    def __init__(self, servers: EmbeddedServers, database: str) -> None:
        self.servers, self.database = servers, database

    def fill(self, organization_id: UUID) -> None:
        """To the last byte: not one more row fits into the outbox."""
        with psycopg.connect(self._url) as connection:  # what fails halfway is not to be swept up
            connection.execute("ALTER TABLE outbox SET (autovacuum_enabled = false)")
        self._leave_no_room()
        with psycopg.connect(self._url, autocommit=True) as connection:
            for rows, length in (1000, 1800), (100, 0), (1, 0):
                while _fits(connection, organization_id, rows, length):
                    pass

    @abstractmethod
    def _leave_no_room(self) -> None: ...

    @abstractmethod
    def make_room(self) -> None: ...

    @property
    def _url(self) -> str:
        return urlunsplit(urlsplit(self.servers.postgres.superuser_url)._replace(path=f"/{self.database}"))


def _fits(
    connection: "psycopg.Connection[tuple[object, ...]]", organization_id: UUID, rows: int, length: int
) -> bool:
    try:
        connection.execute(_PADDING, [organization_id, length, rows])
    except (DiskFull, InternalError_):
        return False
    return True


class SmallDisk(Disk):
    """The database lives on a file system of its own, beside a file that takes all that is left."""

    sentence = "There is no room left to save anything."

    def __init__(self, servers: EmbeddedServers, database: str, place: Path) -> None:
        super().__init__(servers, database)
        self.place = place

    def _leave_no_room(self) -> None:
        with (self.place / "ballast").open("wb", buffering=0) as ballast:
            ballast.write(bytes(shutil.disk_usage(self.place).free))

    def make_room(self) -> None:
        (self.place / "ballast").unlink()


class ShortFiles(Disk):
    """PostgreSQL is started again with the limit, and without it. It does not call this a full disk."""

    sentence = "The database does not answer right now."

    def _leave_no_room(self) -> None:
        kept = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LONGEST_FILE, kept[1]))
        try:
            self.make_room()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, kept)

    def make_room(self) -> None:
        self.servers.postgres.stop()
        self.servers.postgres.start()


@contextmanager
def short_files(servers: EmbeddedServers, database: str) -> Iterator[Disk]:
    yield ShortFiles(servers, database)


@contextmanager
def own_disk(servers: EmbeddedServers, database: str) -> Iterator[Disk]:
    """For a database that nobody is connected to yet; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="disk-") as place:
        if mount(place):
            with _small_disk(servers, database, Path(place)) as made:
                yield made
        else:
            yield ShortFiles(servers, database)


@contextmanager
def _small_disk(servers: EmbeddedServers, database: str, place: Path) -> Iterator[Disk]:
    name = sql.Identifier(database)
    try:
        folder = place / "database"
        folder.mkdir(mode=0o700)
        servers.folder.give_to_server(folder)
        with _connected(servers) as connection:
            connection.execute(
                sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(folder)))
            )
            connection.execute(sql.SQL("ALTER DATABASE {} SET TABLESPACE small").format(name))
        yield SmallDisk(servers, database, place)
        with _connected(servers) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
            connection.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def mount(place: str, size: int = SIZE) -> bool:
    """Whether there is a file system of this size in that place now."""
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", place]
    try:
        return subprocess.run(mounting, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def _connected(servers: EmbeddedServers) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(servers.postgres.superuser_url, autocommit=True)
