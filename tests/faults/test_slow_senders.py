"""People who send a request byte by byte, or without end, to gunicorn as `duesbook up` starts it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.faults.installation import Installation, until
from tests.faults.office import Office
from tests.sandbox.control import SandboxControl
from webapp.web.webhooks import LARGEST

THREADS = 4
"""Of the one process that is started here."""


@pytest.fixture
def served(installation: Installation) -> Installation:
    place = f"127.0.0.1:{installation.port}"
    arguments = ["--config", "python:webapp.web.serving", "--bind", place, "wsgi:application"]
    installation.start("web", "-m", "gunicorn", *arguments, WEB_CONCURRENCY="1")
    until(lambda: installation.get("/healthz").status == 200)
    return installation


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


SLOW = {
    "head": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "body": head("/", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 1000"),
    "large body": head("/", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 900000"),
    "chunked body": head("/", "Content-Type: application/x-www-form-urlencoded", "Transfer-Encoding: chunked")
    + b"1000\r\n",
    "body that was not asked for": head("/", "Expect: 100-continue", "Content-Length: 1000"),
}


@contextmanager
def dripping(port: int, begun: bytes, senders: int = 3 * THREADS) -> Iterator[list[socket.socket]]:
    """More of them than there are threads, each with one more byte ten times a second."""
    open_ones = [socket.create_connection(("127.0.0.1", port)) for _ in range(senders)]
    leaving = threading.Event()

    def drip() -> None:
        while not leaving.wait(0.1):
            for one in open_ones:
                with suppress(OSError):
                    one.send(b"a")

    for one in open_ones:
        one.sendall(begun)
    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield open_ones
    finally:
        leaving.set()
        thread.join()
        for one in open_ones:
            one.close()


@pytest.mark.case("A22")
@pytest.mark.parametrize("begun", list(SLOW.values()), ids=list(SLOW))
def test_others_are_served_while_many_send_slowly(
    served: Installation, office: Office, stripe: SandboxControl, begun: bytes
) -> None:
    page = office.pay_page(office.owed())
    with dripping(served.port, begun):
        time.sleep(0.5)  # so that each of them has been given whatever it can get
        for _ in range(5):
            assert served.get("/healthz").status == 200
            assert served.get(page).status == 200
        assert served.post(f"{page}/checkouts", {"page": page}).status == 303
        stripe.pay(stripe.objects("checkout.session")[0]["url"])
        assert {office.deliver(event).status for event in stripe.objects("event")} == {200}


@pytest.mark.case("A22")
def test_whoever_does_not_get_to_the_end_of_a_head_in_time_is_told_so_and_let_go(
    served: Installation,
) -> None:
    with dripping(served.port, SLOW["head"], senders=2) as senders:
        for one in senders:
            one.settimeout(30)
            assert one.recv(100).startswith(b"HTTP/1.1 408 ")


@pytest.mark.case("A22")
def test_a_head_without_end_is_refused(served: Installation) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as sender:
        sender.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 70_000)
        assert sender.recv(100).startswith(b"HTTP/1.1 431 ")


@pytest.mark.case("A22")
@pytest.mark.case("F20")
@pytest.mark.parametrize(
    ("length", "sent"),
    [
        (f"Content-Length: {50 * LARGEST}", b"a" * 1000),
        ("Transfer-Encoding: chunked", b"%x\r\n" % (50 * LARGEST) + b"a" * (LARGEST + 100_000)),
    ],
    ids=["said beforehand", "noticed while reading"],
)
def test_a_webhook_beyond_every_measure_is_refused_before_it_is_all_here(
    served: Installation, office: Office, length: str, sent: bytes
) -> None:
    address = f"/api/finances/webhooks/stripe/{office.organization.id}/{office.processor_id}/"
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as sender:
        sender.sendall(head(address, "Content-Type: application/json", length) + sent)
        answer = sender.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert served.get("/healthz").status == 200
