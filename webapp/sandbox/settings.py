"""How this processor behaves, as set through the control API or the dashboard, and its clock."""

import json
import time
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from webapp.sandbox.errors import InvalidRequest
from webapp.sandbox.store import Store


class RefundCourse(StrEnum):
    """How new refunds go, unless the card that was charged says otherwise."""

    SUCCEEDED = "succeeded"
    PENDING_THEN_SUCCEEDED = "pending_then_succeeded"
    PENDING_THEN_FAILED = "pending_then_failed"
    SUCCEEDED_THEN_FAILED = "succeeded_then_failed"

    @property
    def starts_as(self) -> str:
        return "succeeded" if self in {self.SUCCEEDED, self.SUCCEEDED_THEN_FAILED} else "pending"

    @property
    def ends_as(self) -> str:
        return "failed" if self in {self.PENDING_THEN_FAILED, self.SUCCEEDED_THEN_FAILED} else "succeeded"


@dataclass(frozen=True)
class Settings:
    """Delays are seconds of the sandbox's clock; none means: wait until the control API says so."""

    ach_delay: float | None = 5
    fee_delay: float | None = 0
    refund_course: RefundCourse = RefundCourse.SUCCEEDED
    refund_delay: float | None = 5

    @classmethod
    def read(cls, store: Store) -> "Settings":
        known = {field.name for field in fields(cls)}
        saved = {row["name"]: json.loads(row["value"]) for row in store.rows("SELECT * FROM settings")}
        return cls.of({name: value for name, value in saved.items() if name in known})

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Settings":
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise InvalidRequest(f"The sandbox has no setting called {', '.join(sorted(unknown))}.")
        try:
            course = RefundCourse(values.get("refund_course", cls.refund_course))
            delays = {name: _seconds(values[name]) for name in values if name != "refund_course"}
        except ValueError as error:
            raise InvalidRequest(f"This setting is not understood: {error}.") from error
        return cls(refund_course=course, **delays)

    def changed(self, values: dict[str, Any]) -> "Settings":
        return self.of(asdict(self) | values)

    def write(self, store: Store) -> None:
        for name, value in asdict(self).items():
            store.run("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))


def _seconds(value: Any) -> float | None:
    return None if value in (None, "") else float(value)


class Clock:
    """The machine's time plus what the control API added to it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ahead = self._saved()

    def _saved(self) -> int:
        row = self._store.row("SELECT value FROM settings WHERE name = 'clock'")
        return int(json.loads(row["value"])) if row else 0

    @property
    def ahead(self) -> int:
        """Seconds the sandbox's clock runs ahead of the machine's."""
        return self._ahead

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: int) -> None:
        if seconds < 0:
            raise InvalidRequest("The sandbox's clock only goes forward.")
        self._ahead += seconds
        self._store.run("INSERT OR REPLACE INTO settings VALUES ('clock', ?)", (json.dumps(self._ahead),))

    def reset(self) -> None:
        self._ahead = 0
