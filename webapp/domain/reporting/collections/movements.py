"""What moves a receivable, as collections name it, and the documents behind each figure."""

from enum import StrEnum

from webapp.domain.reporting.receivables import Change


class Movement(StrEnum):
    """Named as in `Figures`."""

    ISSUED = "issued"
    LATE_FEES = "late_fees"
    INTEREST = "interest"
    ADJUSTED = "adjusted"
    VOIDED = "voided"
    FORGIVEN = "forgiven"
    COLLECTED = "collected"
    CREDITED = "credited"
    WRITTEN_OFF = "written_off"

    @property
    def kinds(self) -> tuple[Change, ...]:
        return _KINDS[self]

    @property
    def sign(self) -> int:
        """Minus where the figure grows when less is owed."""
        return -1 if self in _SETTLING else 1


_KINDS: dict[Movement, tuple[Change, ...]] = {
    Movement.ISSUED: (Change.ISSUED,),
    Movement.LATE_FEES: (Change.LATE_FEE,),
    Movement.INTEREST: (Change.PLAN_INTEREST,),
    Movement.ADJUSTED: (Change.ADJUSTED,),
    Movement.VOIDED: (Change.VOIDED,),
    Movement.FORGIVEN: (Change.FORGIVEN, Change.UNFORGIVEN),
    Movement.COLLECTED: (Change.PAID, Change.UNPAID),
    Movement.CREDITED: (Change.CREDITED, Change.UNCREDITED),
    Movement.WRITTEN_OFF: (Change.WRITTEN_OFF,),
}
_SETTLING = (Movement.COLLECTED, Movement.CREDITED, Movement.WRITTEN_OFF)
