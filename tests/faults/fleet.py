"""Several hosts on one database: each in a network namespace, or, where that is refused, a process group.

Before the web hosts stands haproxy and before PostgreSQL pgbouncer, both as docs/deploy has them. Redis and
the payment processor are reached through haproxy too: those of the tests listen on loopback alone.
"""

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.faults.forks import ROOT
from tests.faults.installation import Installation
from tests.pooler import changed, free_port, pooling, started

DOCUMENTED = ROOT / "docs" / "deploy" / "haproxy.cfg"
WEB, WORKERS = ("web1", "web2"), ("worker1", "worker2")


@dataclass(frozen=True)
class Host:
    """`network` is its namespace, if it has one."""

    address: str
    network: str = ""


@dataclass(frozen=True)
class Network:
    """`gateway` is where every host finds what does not run on a host."""

    gateway: str
    hosts: dict[str, Host]


@dataclass(frozen=True)
class Fleet:
    installation: Installation
    hosts: dict[str, Host]
    ports: dict[str, int]
    environment: dict[str, str]
    control: Path

    def start(self, name: str, *, scheduling: bool = True) -> None:
        if name in WEB:
            place = f"{self.hosts[name].address}:{self.ports[name]}"
            served = ["--config", "python:webapp.web.serving", "--bind", place, "wsgi:application"]
            self._run(name, name, "-m", "gunicorn", *served)
        else:
            self._run(name, name, "-m", "webapp.workers", "now", "mail", "bulk")
            if scheduling:
                self._run(name, f"{name} schedule", "-m", "webapp.workers.schedule")

    def kill(self, name: str) -> None:
        """Everything that runs on the host, at once and without a word."""
        for process in [one for one in self.installation.processes if one.startswith(name)]:
            self.installation.kill(process)

    def alive(self) -> set[str]:
        """The web hosts that haproxy sends requests to."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(self.control))
            asking.sendall(b"show stat\n")
            answer = b"".join(iter(lambda: asking.recv(65536), b"")).decode()
        rows = [line.split(",") for line in answer.splitlines()]
        return {row[1] for row in rows if row[0] == "web" and row[1] in WEB and row[17].startswith("UP")}

    def _run(self, host: str, name: str, *arguments: str) -> None:
        self.installation.start(name, *arguments, network=self.hosts[host].network, **self.environment)


@contextmanager
def gathering(installation: Installation, folder: Path) -> Iterator[Fleet]:
    """No host runs yet: the test starts those it wants to lose."""
    with ExitStack() as stack:
        net = stack.enter_context(network([*WEB, *WORKERS]))
        known = installation.environment
        relays = {name: free_port(net.gateway) for name in ("REDIS_URL", "STRIPE_API_BASE")}
        made = Fleet(
            installation,
            net.hosts,
            {name: free_port(net.gateway) for name in WEB},
            {name: _at(known[name], net.gateway, port) for name, port in relays.items()}
            | {"DATABASE_URL": stack.enter_context(pooling(known["DATABASE_URL"], folder, net.gateway))}
            | {"PROXIES": "1", "WEB_CONCURRENCY": "1"},
            folder / "haproxy.socket",
        )
        configured = [folder / "haproxy.cfg", folder / "relays.cfg"]
        configured[0].write_text(_balancing(made))
        configured[1].write_text(_relaying(made, net.gateway, relays))
        command = ["haproxy", "-db", *(word for path in configured for word in ("-f", str(path)))]
        stack.enter_context(started(command, folder / "haproxy.log"))
        for name in made.hosts:
            stack.callback(made.kill, name)
        yield made


def _balancing(fleet: Fleet) -> str:
    places = {name: f"{fleet.hosts[name].address}:{fleet.ports[name]}" for name in WEB}
    changes = {
        "bind 10.0.0.10:80\n": f"bind 127.0.0.1:{fleet.installation.port}\n",
        "10.0.0.21:8000": places["web1"],
        "10.0.0.22:8000": places["web2"],
    }
    return changed(DOCUMENTED.read_text(), changes)


def _relaying(fleet: Fleet, gateway: str, relays: dict[str, int]) -> str:
    lines = ["global", f"    stats socket {fleet.control} level admin"]
    for name, port in relays.items():
        to = urlsplit(fleet.installation.environment[name])
        lines += [f"listen {name}", "    mode tcp", "    timeout client 1h", "    timeout server 1h"]
        lines += [f"    bind {gateway}:{port}", f"    server behind {to.hostname}:{to.port}"]
    return "\n".join([*lines, ""])


def _at(url: str, address: str, port: int) -> str:
    parts = urlsplit(url)
    credentials, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{credentials}{at}{address}:{port}"))


@contextmanager
def network(names: Sequence[str]) -> Iterator[Network]:
    """Hosts with addresses of their own if the kernel lets us, otherwise all of them on loopback."""
    with ExitStack() as stack:
        try:
            found = _namespaces(names, stack)
        except (OSError, subprocess.CalledProcessError):
            found = Network("127.0.0.1", {name: Host("127.0.0.1") for name in names})
        yield found


def _namespaces(names: Sequence[str], stack: ExitStack) -> Network:
    """One network of our own: a bridge in the tests' namespace, a cable from it into each host's."""
    mark = os.getpid() % 25_000
    subnet, bridge = f"10.{100 + mark // 250}.{mark % 250}", f"dues{mark}"
    _ip("link", "add", bridge, "type", "bridge")
    stack.callback(_ip, "link", "delete", bridge)
    _ip("address", "add", f"{subnet}.1/24", "dev", bridge)
    _ip("link", "set", bridge, "up")
    hosts = {}
    for place, name in enumerate(names, start=11):
        inside, cable = f"{bridge}-{name}", f"{bridge}v{place}"
        _ip("netns", "add", inside)
        stack.callback(_ip, "netns", "delete", inside)
        _ip("link", "add", cable, "master", bridge, "type", "veth", "peer", "name", "eth0", "netns", inside)
        _ip("link", "set", cable, "up")
        _ip("-netns", inside, "address", "add", f"{subnet}.{place}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-netns", inside, "link", "set", device, "up")
        hosts[name] = Host(f"{subnet}.{place}", inside)
    return Network(f"{subnet}.1", hosts)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
