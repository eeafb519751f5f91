"""A gunicorn worker that gives a request a thread when all of it is here.

gunicorn's own hands a thread to whoever has sent one byte, and waits: as many slow senders as there are
threads would keep everybody else out. Here the main loop gathers what comes, beside the threads. What is too
long to be kept, or has to be talked about first, is read by a thread as it comes, but by few at a time.
"""

import re
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

from webapp.web.succession import Succession

LONGEST_KEPT = 64 * 1024
"""Bytes of one request, its head included."""
HEAD_PATIENCE, PATIENCE = 10, 60
"""Seconds for the head of a request, and for all of it."""
LINGER = 2
"""Seconds in which a worker that stops still hears from a connection that has said nothing."""

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
_TO_BE_TALKED_ABOUT = re.compile(rb"\r\n(transfer-encoding|expect):", re.IGNORECASE)


@dataclass
class Letter:
    """What came of a request so far. `ended`: nothing more will come."""

    text: bytearray
    began_at: float = field(default_factory=time.monotonic)
    ended: bool = False

    def take_in(self, sock: socket.socket) -> None:
        """All that is there by now, and no more than may be kept."""
        sock.setblocking(False)
        try:
            while len(self.text) <= LONGEST_KEPT and not self.is_whole:
                came = sock.recv(LONGEST_KEPT)
                self.text += came
                if not came:
                    self.ended = True
                    return
        except BlockingIOError:
            return
        except OSError:
            self.ended = True

    @property
    def head(self) -> bytes:
        """Empty as long as it is not all here."""
        end = self.text.find(_END)
        return bytes(self.text[: end + len(_END)]) if end >= 0 else b""

    @property
    def is_whole(self) -> bool:
        head = self.head
        return bool(head) and not _TO_BE_TALKED_ABOUT.search(head) and len(self.text) >= _whole_length(head)

    @property
    def is_for_a_thread(self) -> bool:
        """Whether only somebody who reads it as it comes can get to its end."""
        head = self.head
        return bool(head and (_TO_BE_TALKED_ABOUT.search(head) or _whole_length(head) > LONGEST_KEPT))

    @property
    def is_late(self) -> bool:
        return time.monotonic() - self.began_at > (PATIENCE if self.head else HEAD_PATIENCE)


def _whole_length(head: bytes) -> int:
    return len(head) + sum(int(found[:15]) for found in _LENGTH.findall(head))


class PatientWorker(ThreadWorker):
    """`letters`: of connections that no thread has. `long_ones` wait for a place among `being_read`. The
    `succession` is that of the master's processes.
    """

    succession = Succession()

    def init_process(self) -> None:
        self.letters: dict[Any, Letter] = {}
        self.long_ones: deque[Any] = deque()
        self.being_read: dict[Any, float] = {}
        self.is_told_to_go = False
        super().init_process()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Not before those who come after us have loaded."""
        self.is_told_to_go = True
        if not self.succession.is_awaited(self.age):
            super().handle_exit(sig, frame)

    def enqueue_req(self, conn: Any) -> None:
        """Of a connection that is new, or on which something came."""
        letter = self.letters.get(conn) or self._begin(conn)
        letter.take_in(conn.sock)
        if letter.is_whole or (letter.ended and letter.text):
            self._hand_over(conn)
        elif letter.ended:
            self._refuse(conn)
        elif letter.is_for_a_thread:
            self.long_ones.append(conn)
            self._read_long_ones()
        elif len(letter.text) > LONGEST_KEPT:
            self._refuse(conn, 431, "Request Header Fields Too Large")
        else:
            self.poller.register(conn.sock, EVENT_READ, partial(self._go_on, conn))

    def finish_request(self, conn: Any, done: Any) -> None:
        self.being_read.pop(conn, None)
        self._read_long_ones()
        super().finish_request(conn, done)

    def murder_pending(self) -> None:
        """Every second: whoever did not get to the end in time is told so."""
        super().murder_pending()
        if self.is_told_to_go:
            self.handle_exit(signal.SIGTERM, None)
        for conn in list(self._late()):
            if conn not in self.long_ones:
                self.poller.unregister(conn.sock)
            self._refuse(conn, 408, "Request Timeout")
        for conn, since in self.being_read.items():
            if time.monotonic() - since > PATIENCE:
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)  # wakes the thread, which may still answer

    def _begin(self, conn: Any) -> Letter:
        left_over = conn.parser.unreader.take_buffered() if conn.parser else b""
        letter = self.letters[conn] = Letter(bytearray(left_over))
        return letter

    def _go_on(self, conn: Any, sock: socket.socket) -> None:
        self.poller.unregister(sock)
        self.enqueue_req(conn)

    def _read_long_ones(self) -> None:
        while self.long_ones and len(self.being_read) < max(1, self.cfg.threads // 2):
            conn = self.long_ones.popleft()
            self.being_read[conn] = time.monotonic()
            self._hand_over(conn)

    def _hand_over(self, conn: Any) -> None:
        letter = self.letters.pop(conn)
        conn.init()
        conn.parser.unreader.unread(bytes(letter.text))
        super().enqueue_req(conn)

    def _late(self) -> Iterator[Any]:
        for conn, letter in self.letters.items():
            is_silent = not self.alive and not letter.text and time.monotonic() - letter.began_at > LINGER
            if letter.is_late or is_silent:
                yield conn

    def _refuse(self, conn: Any, status: int = 0, reason: str = "") -> None:
        letter = self.letters.pop(conn)
        if conn in self.long_ones:
            self.long_ones.remove(conn)
        if status and letter.text:
            with suppress(OSError):
                util.write_error(conn.sock, status, reason, "")
        self.nr_conns -= 1
        conn.close()
