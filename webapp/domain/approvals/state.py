"""How far a request has come."""

from enum import StrEnum


class ApprovalState(StrEnum):
    PENDING = "pending"
    HELD = "held"
    ASKED_BACK = "asked_back"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ")


OPEN = (ApprovalState.PENDING, ApprovalState.HELD, ApprovalState.ASKED_BACK)
IS_OPEN = "state IN ('pending', 'held', 'asked_back')"
IS_DECIDED = "state IN ('approved', 'denied')"
