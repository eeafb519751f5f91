"""A link to PostgreSQL that can be cut at the worst moment: when a commit was sent, before its answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self
from urllib.parse import urlsplit, urlunsplit

COMMIT = b"COMMIT"


class Proxy:
    """Passes everything on, unchanged. A cut loses the server's answer, not the commit."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._until_cut = 0
        self.cuts = 0

    @classmethod
    @contextmanager
    def to(cls, url: str) -> Iterator[Self]:
        proxy = cls(url)
        threading.Thread(target=proxy._accept, daemon=True).start()
        yield proxy
        proxy._listening.close()

    @property
    def url(self) -> str:
        credentials = self._parts.netloc.rpartition("@")[0]
        port = self._listening.getsockname()[1]
        return urlunsplit(self._parts._replace(netloc=f"{credentials}@127.0.0.1:{port}"))

    def cut_at_commit(self, number: int) -> None:
        """The first commit from now on is 1."""
        self._until_cut = number

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection((self._parts.hostname, self._parts.port))
            threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        answers = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
        answers.start()
        while data := _read(client):
            if COMMIT in data and self._is_the_one():
                client.shutdown(socket.SHUT_RDWR)
                server.sendall(data)
                answers.join(10)  # it has committed, and found nobody to tell
                self.cuts += 1
                break
            server.sendall(data)
        client.close()
        server.close()

    def _is_the_one(self) -> bool:
        self._until_cut -= 1
        return self._until_cut == 0


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    while data := _read(source):
        try:
            target.sendall(data)
        except OSError:
            return
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _read(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""
