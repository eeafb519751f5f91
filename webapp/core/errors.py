"""Refusals, each a sentence that a treasurer understands. What can't happen is an assert instead."""

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):
    """The request can't be carried out. `message` says why, `next_step` what to do about it.

    `details` is what a program gets beside it.
    `retry_after` is in how many seconds the same request may well succeed, if it may.
    """

    status = 400
    code = "refused"
    message = "This can't be done."
    next_step = ""
    retry_after: int | None = None

    def __init__(
        self, message: str | None = None, *, next_step: str | None = None, retry_after: int | None = None
    ) -> None:
        self.message = message or self.message
        self.next_step = next_step or self.next_step
        self.details: Mapping[str, Any] = {}
        self.retry_after = retry_after or self.retry_after
        super().__init__(self.message)


class NotFound(Refusal):
    status = 404
    code = "not-found"
    message = "There is nothing here by that name."
    next_step = "Check the address, or go back and follow the link again."


class NotAllowed(Refusal):
    status = 403
    code = "not-allowed"
    message = "Your role does not allow this."
    next_step = "Ask a national admin of your organization."


class Conflict(Refusal):
    """Somebody or something was faster, or the state does not allow it any more."""

    status = 409
    code = "conflict"
    message = "This has changed meanwhile."
    next_step = "Load the page again and look at the current state."


class Invalid(Refusal):
    """What was typed can't be used. `fields` maps a field's name to its sentence."""

    status = 422
    code = "invalid"
    message = "Some of what was entered can't be used."

    def __init__(self, message: str | None = None, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class Unavailable(Refusal):
    """Something outside did not answer. Nothing is lost; try again."""

    status = 503
    code = "unavailable"
    message = "A service we depend on does not answer right now."
    next_step = "Nothing was lost. Try again in a minute."
    retry_after = 10
