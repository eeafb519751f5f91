"""Processes of the product, forked from one that has loaded it: to load it anew takes most of a start.

`start("-m", "webapp.workers", "now", environment=…)` is what Popen of Python with these arguments is, in a
session of its own, and what comes back is used like a Popen.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import HasFileno

ROOT = Path(__file__).parents[2]
PRELOADED = "LD_PRELOAD", "DYLD_INSERT_LIBRARIES"
"""What a process can only be born with, so that whoever has another one descends from another process."""


class Forked:
    def __init__(self, conversation: socket.socket, command: Sequence[str]) -> None:
        self._conversation, self.args = conversation, command
        self._told = conversation.makefile("r")
        self.pid = int(self._told.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        if not self._has_ended(timeout):
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _has_ended(self, timeout: float | None) -> bool:
        if self.returncode is None and select.select([self._conversation], [], [], timeout)[0]:
            self.returncode = int(self._told.readline())
            self._told.close()
            self._conversation.close()
        return self.returncode is not None


def start(
    *arguments: str,
    environment: Mapping[str, str],
    network: str = "",
    stdin: "HasFileno | None" = None,
    stdout: "HasFileno",
    stderr: "HasFileno | None" = None,
    others: Sequence[int] = (),
) -> Forked:
    """`network` is the namespace to live in; `others` are open there too, numbered from 3 on."""
    ours, theirs = socket.socketpair()
    with theirs, Path(os.devnull).open() as nothing:
        files = [theirs, stdin or nothing, stdout, stderr or stdout]
        preloaded = tuple((name, environment[name]) for name in PRELOADED if name in environment)
        socket.send_fds(_zygote(preloaded), [b"."], [*(file.fileno() for file in files), *others])
    order = {"arguments": arguments, "environment": dict(environment), "network": network}
    ours.sendall(json.dumps(order).encode() + b"\n")
    return Forked(ours, [sys.executable, *arguments])


@cache
def _zygote(preloaded: tuple[tuple[str, str], ...]) -> socket.socket:
    """Ends when this process ends, whose end of the socket is closed then."""
    ours, theirs = socket.socketpair()
    with theirs:
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forking", str(theirs.fileno())],
            cwd=ROOT, env=os.environ | dict(preloaded) | {"FAKETIME_NO_CACHE": "1"},
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    return ours
