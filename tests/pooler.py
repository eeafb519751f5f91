"""A real pgbouncer with the settings of docs/deploy/pgbouncer.ini, before a database of the tests."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

DOCUMENTED = Path(__file__).parents[1] / "docs" / "deploy" / "pgbouncer.ini"
PATIENCE = 30


@contextmanager
def pooling(url: str, folder: Path, address: str = "127.0.0.1", *, size: int = 20) -> Iterator[str]:
    """The same database as at this address of PostgreSQL, through the pooler."""
    parts, port = urlsplit(url), free_port(address)
    users = folder / "userlist.txt"
    users.write_text(f'"{parts.username}" "{parts.password}"\n')
    changes = {
        "host=10.0.0.40 port=5432 dbname=duesbook": f"host={parts.hostname} port={parts.port}"
        f" dbname={parts.path.lstrip('/')}",
        "10.0.0.10": address,
        "6432": str(port),
        "/etc/pgbouncer/userlist.txt": str(users),
        "default_pool_size = 20": f"default_pool_size = {size}",
    }
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(changed(DOCUMENTED.read_text(), changes))
    pooled = urlunsplit(
        parts._replace(netloc=f"{parts.username}:{parts.password}@{address}:{port}", path="/duesbook")
    )
    with started(["pgbouncer", *_as_nobody(), str(configuration)], folder / "pgbouncer.log"):
        _wait_for(pooled)
        yield pooled


def changed(documented: str, changes: Mapping[str, str]) -> str:
    """What stands there, with the addresses of this machine; each of them has to stand there."""
    for old, new in changes.items():
        assert old in documented, old
        documented = documented.replace(old, new)
    return documented


@contextmanager
def started(command: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    program = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert program, f"{command[0]} is missing; .ci/setup --tests installs it"
    with log.open("ab") as written:
        process = subprocess.Popen(
            [program, *command[1:]], stdout=written, stderr=written, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _as_nobody() -> list[str]:
    """It refuses to run as root."""
    return ["-u", "nobody"] if os.geteuid() == 0 else []


def _wait_for(url: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(url, connect_timeout=3).close()
        except psycopg.OperationalError:
            assert time.monotonic() < end, "pgbouncer does not answer"
            time.sleep(0.05)
        else:
            return
