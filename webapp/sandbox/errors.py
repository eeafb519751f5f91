"""Refusals in Stripe's words and shape."""

from collections.abc import Sequence
from typing import Any


class StripeError(Exception):
    """An answer that is not 200. `fields` are those of Stripe's error object."""

    status = 400
    type = "invalid_request_error"

    def __init__(
        self, message: str, *, status: int | None = None, type: str | None = None, **fields: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status or self.status
        self.fields = {"type": type or self.type, "message": message} | fields

    @property
    def body(self) -> dict[str, Any]:
        return {"error": self.fields}


class InvalidRequest(StripeError):
    """A parameter or the state of an object forbids it. Nothing was changed."""


class Malformed(InvalidRequest):
    """It does not fit Stripe's description. It never began, so no answer is kept for its key."""


class Unauthorized(StripeError):
    status = 401


class NotFound(InvalidRequest):
    """Also what another account's object looks like."""

    status = 404

    def __init__(self, kind: str, object_id: str, *, param: str = "id", status: int = 404) -> None:
        super().__init__(
            f"No such {kind}: '{object_id}'", status=status, code="resource_missing", param=param
        )


class IdempotencyConflict(StripeError):
    type = "idempotency_error"


class Declined(StripeError):
    """The bank said no. This is an outcome: the failed charge and its events are kept."""

    status = 402
    type = "card_error"


def unknown_parameters(names: Sequence[str]) -> Malformed:
    plural = "s" if len(names) > 1 else ""
    return Malformed(
        f"Received unknown parameter{plural}: {', '.join(names)}", code="parameter_unknown", param=names[0]
    )


def missing_parameter(name: str) -> Malformed:
    return Malformed(f"Missing required param: {name}.", code="parameter_missing", param=name)
