"""Who asks for pages while the web server is replaced: browsers and proxies, and a crowd made by wrk."""

import http.client
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

CLIENTS, PATIENCE = 4, 40


def until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"Waited in vain: {what}"
        time.sleep(0.05)


@dataclass
class Visitors:
    """Ask for pages as fast as they can and keep count of the answers, every other one on a connection that
    is kept, as browsers and proxies do.
    """

    port: int
    answers: Counter[object] = field(default_factory=Counter)
    leaving: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Visitors":
        self.threads = [
            threading.Thread(target=self._visit, args=(place % 2 == 1,)) for place in range(CLIENTS)
        ]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leaving.set()
        for thread in self.threads:
            thread.join()

    def _visit(self, keeps: bool) -> None:
        with closing(connected(self.port)) as connection:
            while not self.leaving.is_set():
                self.answers[ask(connection)] += 1
                if not keeps:
                    connection.close()

    def more(self, number: int) -> None:
        """Wait until so many more were answered."""
        wanted = self.answers.total() + number
        until(lambda: self.answers.total() >= wanted, "answers")


def connected(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)


def ask(connection: http.client.HTTPConnection) -> object:
    """On a kept connection that was closed meanwhile everybody asks once more, on a new one."""
    was_kept = connection.sock is not None
    try:
        connection.request("GET", "/", headers={"Host": "localhost"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return ask(connection) if was_kept and isinstance(error, ConnectionError) else type(error).__name__


@dataclass(frozen=True)
class Tally:
    """What wrk counted. `cut` are connections that ended before their answer came; `other` are those that
    could not be made or written to, and answers that came too late.
    """

    answered: int
    not_fine: int
    cut: int
    other: int

    @property
    def went_well(self) -> bool:
        return self.answered > 0 and not (self.not_fine or self.cut or self.other)


class Crowd:
    """Two wrk at once: one keeps its connections, as a proxy does, one takes a new one for each request."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __repr__(self) -> str:
        return f"kept connections: {self.keeping}, new ones: {self.closing}"

    def __enter__(self) -> "Crowd":
        self._began = time.monotonic()
        self._processes = [self._wrk(), self._wrk("--header", "Connection: close")]
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGINT)
        self.keeping, self.closing = (
            counted(one.communicate(timeout=PATIENCE)[0]) for one in self._processes
        )

    def stay(self, seconds: float) -> None:
        """Until they have been there so long."""
        time.sleep(max(0.0, self._began + seconds - time.monotonic()))

    def _wrk(self, *more: str) -> "subprocess.Popen[str]":
        size = ["--threads", "1", "--connections", str(CLIENTS), "--timeout", f"{PATIENCE}s"]
        ends_before = ["--duration", f"{10 * PATIENCE}s"]
        address = f"http://127.0.0.1:{self._port}/"
        command = ["wrk", *size, *ends_before, "--header", "Host: localhost", *more, address]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def counted(said: str) -> Tally:
    """It does not mention what did not happen."""
    found = re.search(r"(\d+) requests in ", said)
    assert found, said
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    connect, read, write, timeout = map(int, errors.groups()) if errors else (0, 0, 0, 0)
    return Tally(int(found[1]), int(refused[1]) if refused else 0, read, connect + write + timeout)
