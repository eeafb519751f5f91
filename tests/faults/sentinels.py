"""A Redis with a replica and three sentinels: when the master dies, they make the replica the master."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.faults.installation import free_port, until
from tests.pooler import started
from webapp.adapters.embedded.redis_server import program

SERVICE, PASSWORD, SENTINELS, QUORUM = "duesbook", "only-for-tests", 3, 2


@dataclass
class Watched:
    """`servers` are the processes of the two Redis, by port."""

    servers: dict[int, "subprocess.Popen[bytes]"]
    ports: list[int]

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return f"redis+sentinel://:{PASSWORD}@{hosts}/{SERVICE}/0"

    def master(self) -> int:
        """Its port, as the first sentinel sees it."""
        with redis.Redis(port=self.ports[0]) as sentinel:
            return int(sentinel.sentinel_get_master_addr_by_name(SERVICE)[1])

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.master(), password=PASSWORD)

    def kill_master(self) -> int:
        """Its port. The sentinels have named another one when this returns."""
        lost = self.master()
        self.servers[lost].kill()
        until(lambda: self.master() != lost)
        return lost

    def is_watched(self) -> bool:
        """Whether a fail-over would succeed: the replica is in step and the sentinels know each other."""
        with redis.Redis(port=self.ports[0], decode_responses=True) as sentinel:
            seen = sentinel.sentinel_master(SERVICE)
            replicas = sentinel.sentinel_slaves(SERVICE)
        in_step = [one for one in replicas if one.get("master-link-status") == "ok"]
        return int(seen["num-other-sentinels"]) == SENTINELS - 1 and len(in_step) == 1


@contextmanager
def watching(folder: Path) -> Iterator[Watched]:
    first, second, *ports = _free_ports(2 + SENTINELS)
    shared = f'bind 127.0.0.1\nrequirepass {PASSWORD}\nmasterauth {PASSWORD}\nsave ""\n'
    shared += "repl-diskless-sync-delay 0\n"
    with ExitStack() as stack:
        servers = {
            first: stack.enter_context(_running(folder, first, shared)),
            second: stack.enter_context(_running(folder, second, f"{shared}replicaof 127.0.0.1 {first}\n")),
        }
        for port in ports:
            stack.enter_context(_running(folder, port, _watch(first), "--sentinel"))
        made = Watched(servers, ports)
        until(lambda: all(map(_answers, [first, second, *ports])))
        until(made.is_watched)
        yield made


def _watch(master: int) -> str:
    return (
        f"bind 127.0.0.1\nsentinel monitor {SERVICE} 127.0.0.1 {master} {QUORUM}\n"
        f"sentinel auth-pass {SERVICE} {PASSWORD}\nsentinel down-after-milliseconds {SERVICE} 1000\n"
        f"sentinel failover-timeout {SERVICE} 5000\n"
    )


@contextmanager
def _running(folder: Path, port: int, configuration: str, *words: str) -> "Iterator[subprocess.Popen[bytes]]":
    place = folder / f"redis-{port}"
    place.mkdir()
    file = place / "redis.conf"
    file.write_text(f"port {port}\ndir {place}\n{configuration}")
    command = [program(), str(file), *words]
    with started(command, place / "redis.log") as process:
        yield process


def _answers(port: int) -> bool:
    return socket.socket().connect_ex(("127.0.0.1", port)) == 0


def _free_ports(number: int) -> list[int]:
    found: set[int] = set()
    while len(found) < number:
        found.add(free_port())
    return list(found)
