"""The same request twice is one effect: saved answers, as Stripe keeps them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from webapp.sandbox.errors import IdempotencyConflict, InvalidRequest
from webapp.sandbox.settings import Clock
from webapp.sandbox.specification import Json
from webapp.sandbox.store import Store

LIFETIME = 24 * 3600
LONGEST = 255


@dataclass(frozen=True)
class Answer:
    status: int
    body: Json
    request_id: str
    replayed: bool = False


@dataclass(frozen=True)
class Attempt:
    """One request under one key. Only POST requests have keys that count."""

    account: str
    key: str
    request: str
    fingerprint: str


class Answers:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._under_way: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @contextmanager
    def reserved(self, attempt: Attempt | None) -> Iterator[Answer | None]:
        """Holds the key while the request is under way; the saved answer, when there is one."""
        if attempt is None:
            yield None
            return
        place = (attempt.account, attempt.key)
        self._claim(place)
        try:
            yield self._saved(attempt)
        finally:
            with self._lock:
                self._under_way.discard(place)

    def save(self, attempt: Attempt | None, answer: Answer) -> None:
        if attempt is None:
            return
        self._store.run(
            "INSERT OR REPLACE INTO answers (account, key, request, fingerprint, created, request_id, "
            "status, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                attempt.account,
                attempt.key,
                attempt.request,
                attempt.fingerprint,
                int(self._clock.now()),
                answer.request_id,
                answer.status,
                json.dumps(answer.body),
            ),
        )

    def _claim(self, place: tuple[str, str]) -> None:
        key = place[1]
        if not 0 < len(key) <= LONGEST:
            raise InvalidRequest(
                f"Idempotency keys are 1 to {LONGEST} characters long. You passed {len(key)} characters."
            )
        with self._lock:
            if place in self._under_way:
                raise IdempotencyConflict(
                    "There is currently another in-progress request using this Stripe Idempotency Key "
                    "(that probably means you submitted twice, and the other request is still going "
                    f"through): {key}.",
                    status=409,
                    code="idempotency_key_in_use",
                )
            self._under_way.add(place)

    def _saved(self, attempt: Attempt) -> Answer | None:
        row = self._store.row(
            "SELECT * FROM answers WHERE account = ? AND key = ? AND created > ?",
            (attempt.account, attempt.key, int(self._clock.now()) - LIFETIME),
        )
        if row is None:
            return None
        if row["request"] != attempt.request:
            raise IdempotencyConflict(
                "Keys for idempotent requests can only be used for the same endpoint they were first used "
                f"for ('{attempt.request}' instead of '{row['request']}'). Try using a key other than "
                f"'{attempt.key}' if you meant to execute a different request."
            )
        if row["fingerprint"] != attempt.fingerprint:
            raise IdempotencyConflict(
                "Keys for idempotent requests can only be used with the same parameters they were first "
                f"used with. Try using a key other than '{attempt.key}' if you meant to execute a different "
                "request."
            )
        return Answer(row["status"], json.loads(row["body"]), row["request_id"], replayed=True)
