"""What can need a second person."""

from enum import StrEnum


class Action(StrEnum):
    REFUND = "refund"
    ADJUSTMENT = "adjustment"
    WRITE_OFF = "write_off"
    CREDIT_RELEASE = "credit_release"
    PAYMENT_PLAN = "payment_plan"

    @property
    def label(self) -> str:
        return "write-off" if self is Action.WRITE_OFF else self.value.replace("_", " ")
