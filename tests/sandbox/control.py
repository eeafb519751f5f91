"""What tests do to the sandbox: set its behaviour, look behind its counter, and pay as a person would."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPMessage
from typing import Any
from urllib.parse import urljoin


@dataclass(frozen=True)
class Page:
    """What a browser got. `location` is where it is sent next, if anywhere."""

    status: int
    location: str | None
    text: str


class Refused(AssertionError):
    """The sandbox can't do what the test asked for."""


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


BROWSER = urllib.request.build_opener(NoRedirects)


class SandboxControl:
    """The sandbox's control API over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    def state(self) -> dict[str, Any]:
        return self._call("GET", "/sandbox/state")

    def reset(self) -> None:
        self._call("POST", "/sandbox/reset", {})

    def settings(self, **values: Any) -> dict[str, Any]:
        """ach_delay, fee_delay, refund_course, refund_delay; a delay of None waits for the test."""
        return self._call("POST", "/sandbox/settings", values)

    def advance(self, seconds: int) -> None:
        self._call("POST", "/sandbox/clock", {"seconds": seconds})

    def fault(self, kind: str, **values: Any) -> None:
        """rate_limit, server_error, malformed, slow, refusal; count, method, path, seconds, carried_out."""
        self._call("POST", "/sandbox/faults", {"kind": kind, **values})

    def no_faults(self) -> None:
        self._call("DELETE", "/sandbox/faults")

    def requests(self, path: str = "/v1/", method: str | None = None) -> list[dict[str, Any]]:
        """What arrived, oldest first, with idempotency_key, params, status, replayed and fault."""
        query = urllib.parse.urlencode({"path": path} | ({"method": method} if method else {}))
        return self._list(f"/sandbox/requests?{query}")

    def objects(self, kind: str) -> list[dict[str, Any]]:
        return self._list(f"/sandbox/objects/{kind}")

    def name_account(self, key: str, name: str) -> str:
        return str(self._call("POST", "/sandbox/accounts", {"key": key, "name": name})["id"])

    def remember(self, key: str, *payments: dict[str, Any]) -> list[dict[str, Any]]:
        """Payments of the past: amount, currency, instrument, created and metadata each."""
        return self._posted_list("/sandbox/payments", {"key": key, "payments": payments})

    def register_endpoint(self, key: str, url: str, **values: Any) -> dict[str, Any]:
        """A webhook endpoint of the account with this secret key; enabled_events and secret may be given."""
        return self._call("POST", "/sandbox/endpoints", {"key": key, "url": url, **values})

    def modes(self, endpoint: str, **values: Any) -> dict[str, Any]:
        """duplicates, reorder, delay, drop, hold."""
        return self._call("POST", f"/sandbox/endpoints/{endpoint}/modes", values)

    def release(self, endpoint: str, order: str | list[str] = "oldest") -> list[dict[str, Any]]:
        """Sends held deliveries one after the other: oldest, newest, or events in the given order."""
        return self._posted_list(f"/sandbox/endpoints/{endpoint}/release", {"order": order})

    def deliver_again(self, event: str, endpoint: str | None = None, copies: int = 1) -> list[dict[str, Any]]:
        values = {"copies": copies} | ({"endpoint": endpoint} if endpoint else {})
        return self._posted_list(f"/sandbox/events/{event}/deliveries", values)

    def deliveries(self, event: str) -> list[dict[str, Any]]:
        return self._list(f"/sandbox/events/{event}/deliveries")

    def wait_for_webhooks(self, seconds: float = 5) -> None:
        assert self._call("GET", f"/sandbox/idle?seconds={seconds}")["idle"], "webhooks are still under way"

    def sign(self, payload: str, secret: str, timestamp: int | None = None) -> str:
        """A Stripe-Signature header for any payload, at any time."""
        values = {"payload": payload, "secret": secret, "timestamp": timestamp}
        return str(self._call("POST", "/sandbox/signatures", values)["header"])

    def act(self, object_id: str, action: str, **values: Any) -> dict[str, Any]:
        """settlement or failure of an intent or refund; fee, dispute, return or failure of a charge;
        escalation, win, loss or appeal of a dispute; expiry of a session; instrument of a saved method."""
        return self._call("POST", f"/sandbox/objects/{object_id}/{action}", values)

    def try_to(self, object_id: str, action: str) -> None:
        """The same where it may be too late for it, which is no mistake."""
        with suppress(Refused):
            self.act(object_id, action)

    def pay(self, session_url: str, instrument: str = "success", **form: str) -> Page:
        """Submits the hosted page's form; `number="4242 4242 4242 4242"` types instead of choosing."""
        return self.browse(session_url, {"instrument": instrument, **form})

    def approve(self, page: Page) -> Page:
        return self._tell_the_bank(page, "approve")

    def refuse(self, page: Page) -> Page:
        return self._tell_the_bank(page, "refuse")

    def browse(self, url: str, form: dict[str, str] | None = None) -> Page:
        body = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with BROWSER.open(urljoin(self.url, url), body, timeout=10) as answer:
                return _page(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as answer:
            with answer:
                return _page(answer.code, answer.headers, answer.read())

    def _tell_the_bank(self, page: Page, answer: str) -> Page:
        assert page.location is not None, "this page leads nowhere"
        return self.browse(page.location, {"answer": answer})

    def _list(self, path: str) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self._call("GET", path)["data"]
        return data

    def _posted_list(self, path: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self._call("POST", path, values)["data"]
        return data

    def _call(self, method: str, path: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
        body = json.dumps(values).encode() if values is not None else None
        headers = {"Content-Type": "application/json"}
        call = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(call, timeout=30) as answer:
                told: dict[str, Any] = json.load(answer)
                return told
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise Refused(f"{method} {path}: {refusal.read().decode()}") from None


def _page(status: int, headers: HTTPMessage, body: bytes) -> Page:
    return Page(status, headers.get("Location"), body.decode())


def eventually(condition: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
