"""Bad days on order: the next requests are refused, fail, get nonsense, or take too long."""

import threading
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from webapp.sandbox.errors import InvalidRequest
from webapp.sandbox.specification import Json


class Kind(StrEnum):
    RATE_LIMIT = "rate_limit"
    SERVER_ERROR = "server_error"
    MALFORMED = "malformed"
    SLOW = "slow"
    REFUSAL = "refusal"


@dataclass
class Fault:
    """Befalls the next `count` requests that fit `method` and the beginning of `path`.

    With `carried_out` the request takes effect and only its answer is lost. A slow one is then carried out
    before the wait, otherwise after it.
    """

    kind: Kind
    count: int = 1
    method: str = ""
    path: str = "/v1/"
    seconds: float = 3
    carried_out: bool = False

    @property
    def lets_through(self) -> bool:
        return self.carried_out or self.kind is Kind.SLOW

    def fits(self, method: str, path: str) -> bool:
        return path.startswith(self.path) and method == (self.method.upper() or method)


class Faults:
    def __init__(self) -> None:
        self._ordered: list[Fault] = []
        self._lock = threading.Lock()

    def order(self, values: dict[str, Any]) -> Fault:
        unknown = set(values) - {field.name for field in fields(Fault)}
        if unknown or "kind" not in values:
            raise InvalidRequest(f"A fault has {', '.join(field.name for field in fields(Fault))}.")
        fault = _fault(values)
        with self._lock:
            self._ordered.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        with self._lock:
            fault = next((fault for fault in self._ordered if fault.fits(method, path)), None)
            if fault is not None:
                fault.count -= 1
                self._ordered = [fault for fault in self._ordered if fault.count > 0]
            return fault

    def clear(self) -> None:
        with self._lock:
            self._ordered = []

    def shown(self) -> list[Json]:
        with self._lock:
            return [asdict(fault) for fault in self._ordered]


def _fault(values: dict[str, Any]) -> Fault:
    try:
        kind = Kind(values["kind"])
        return Fault(
            kind=kind,
            count=int(values.get("count", 1)),
            method=str(values.get("method", "")),
            path=str(values.get("path", "/v1/")),
            seconds=float(values.get("seconds", 3)),
            carried_out=values.get("carried_out", kind is Kind.SLOW) in (True, "true", "on"),
        )
    except ValueError as error:
        raise InvalidRequest(f"This fault is not understood: {error}.") from error
