"""Takes events to webhook endpoints: signed, at least once, as unreliably as their modes ask for."""

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from webapp.sandbox.endpoints import modes_of, wants
from webapp.sandbox.schedule import Schedule
from webapp.sandbox.signing import signature
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Resource, Store

if TYPE_CHECKING:
    from webapp.sandbox.settings import Clock

RETRY_AFTER = (0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
"""Seconds between attempts. Stripe keeps trying for three days; here that would only be in the way."""
TIMEOUT = 10
SPACING = 0.05
"""Seconds between deliveries that arrive in the wrong order, so that the order is certain."""


@dataclass(frozen=True)
class Outcome:
    status: int | None
    detail: str

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Deliveries:
    def __init__(self, store: Store, schedule: Schedule, clock: "Clock") -> None:
        self._store, self._schedule, self._clock = store, schedule, clock
        self._couriers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="sandbox-courier")

    def prepare(self, event: Resource) -> list[int]:
        """Notes, in the transaction of the event, who is to hear of it; sent by these numbers once saved."""
        prepared = []
        for endpoint in self._store.select("webhook_endpoint", account=event.account):
            if wants(endpoint, event["type"]):
                modes = modes_of(endpoint)
                state = "dropped" if modes.drop else "held" if modes.hold else "pending"
                number = self._note(event.id, endpoint.id, state)
                prepared += [number] if state == "pending" else []
                event["pending_webhooks"] += 1
        if event["pending_webhooks"]:
            self._store.update(event)
        return prepared

    def send(self, numbers: list[int]) -> None:
        for position, number in enumerate(numbers):
            pause = self._pause(number, behind=len(numbers) - position)
            if pause:
                self._schedule.after(pause, partial(self._hand_over, number))
            else:
                self._hand_over(number)

    def send_the_rest(self) -> None:
        """After a restart."""
        for row in self._store.rows("SELECT seq FROM deliveries WHERE state = 'pending'"):
            self._hand_over(row["seq"])

    def again(self, event: Resource, endpoint: Resource, copies: int = 1) -> list[Outcome]:
        """Delivers it now, all copies at once, whatever the modes say, and waits for the answers."""
        number = self._note(event.id, endpoint.id, "again")
        outcomes = _post_copies(event, endpoint, copies)
        self._record(number, outcomes, failing="failed")
        return outcomes

    def release(self, endpoint: Resource, order: list[str] | str) -> list[Outcome]:
        """Sends what was held one by one: `oldest` or `newest` first, or the given events in that order."""
        held = self._store.rows(
            "SELECT seq, event FROM deliveries WHERE endpoint = ? AND state = 'held' ORDER BY seq",
            (endpoint.id,),
        )
        numbers = {row["event"]: int(row["seq"]) for row in held}
        if isinstance(order, str):
            chosen = list(numbers.values()) if order == "oldest" else list(numbers.values())[::-1]
        else:
            chosen = [numbers[event] for event in order if event in numbers]
        return [outcome for number in chosen for outcome in self._attempt(number)]

    @property
    def outstanding(self) -> int:
        """How many deliveries are still to arrive; held and dropped ones are not waited for."""
        row = self._store.row("SELECT count(*) AS waiting FROM deliveries WHERE state = 'pending'")
        return int(row["waiting"]) if row else 0

    def stop(self) -> None:
        self._couriers.shutdown(wait=False, cancel_futures=True)

    def _note(self, event: str, endpoint: str, state: str) -> int:
        return self._store.run(
            "INSERT INTO deliveries (event, endpoint, state) VALUES (?, ?, ?)", (event, endpoint, state)
        )

    def _pause(self, number: int, *, behind: int) -> float:
        row = self._store.row("SELECT endpoint FROM deliveries WHERE seq = ?", (number,))
        endpoint = self._store.find(row["endpoint"]) if row else None
        if endpoint is None:
            return 0
        modes = modes_of(endpoint)
        return modes.delay + (behind * SPACING if modes.reorder else 0)

    def _hand_over(self, number: int) -> None:
        self._couriers.submit(self._attempt, number)

    def _attempt(self, number: int) -> list[Outcome]:
        row = self._store.row("SELECT event, endpoint, attempts FROM deliveries WHERE seq = ?", (number,))
        event, endpoint = (
            (self._store.find(row["event"]), self._store.find(row["endpoint"])) if row else (None, None)
        )
        if row is None or event is None or endpoint is None:
            self._store.run("UPDATE deliveries SET state = 'dropped' WHERE seq = ?", (number,))
            return []
        copies = modes_of(endpoint).duplicates if row["attempts"] == 0 else 1
        outcomes = _post_copies(event, endpoint, copies)
        again = row["attempts"] < len(RETRY_AFTER) and not _arrived(outcomes)
        self._record(number, outcomes, failing="pending" if again else "failed")
        if again:
            self._schedule.after(RETRY_AFTER[row["attempts"]], partial(self._hand_over, number))
        return outcomes

    def _record(self, number: int, outcomes: list[Outcome], *, failing: str) -> None:
        with self._store.transaction():
            for outcome in outcomes:
                self._store.run(
                    "INSERT INTO attempts (delivery, created, status, detail) VALUES (?, ?, ?, ?)",
                    (number, int(self._clock.now()), outcome.status, outcome.detail),
                )
            state = "delivered" if _arrived(outcomes) else failing
            self._store.run(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1 WHERE seq = ?", (state, number)
            )


def _arrived(outcomes: list[Outcome]) -> bool:
    return any(outcome.delivered for outcome in outcomes)


def _post_copies(event: Resource, endpoint: Resource, copies: int) -> list[Outcome]:
    """All at once, as a hurried processor would."""
    if copies == 1:
        return [post(event, endpoint)]
    with ThreadPoolExecutor(copies) as couriers:
        return list(couriers.map(lambda _: post(event, endpoint), range(copies)))


def post(event: Resource, endpoint: Resource) -> Outcome:
    payload = json.dumps(event, indent=2)
    address = urlsplit(endpoint["url"])
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.netloc, timeout=TIMEOUT)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": signature(payload, endpoint.hidden["secret"]),
    }
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    try:
        connection.request("POST", target, payload.encode(), headers)
        answer = connection.getresponse()
        return Outcome(answer.status, answer.read(500).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return Outcome(None, f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def history(store: Store, event_id: str) -> list[Json]:
    """Every delivery of an event with its attempts."""
    deliveries = store.rows(
        "SELECT seq, endpoint, state FROM deliveries WHERE event = ? ORDER BY seq", (event_id,)
    )
    return [
        {
            "endpoint": row["endpoint"],
            "state": row["state"],
            "attempts": [
                {"created": attempt["created"], "status": attempt["status"], "detail": attempt["detail"]}
                for attempt in store.rows(
                    "SELECT * FROM attempts WHERE delivery = ? ORDER BY seq", (row["seq"],)
                )
            ],
        }
        for row in deliveries
    ]


def wait_until_idle(deliveries: Deliveries, seconds: float) -> bool:
    """Whether everything under way arrived within that time."""
    end = time.monotonic() + seconds
    while deliveries.outstanding:
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
