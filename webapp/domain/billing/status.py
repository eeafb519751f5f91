"""Where an invoice stands. Nobody writes a status: it follows from the invoice's sums and dates."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, literal


class InvoiceStatus(StrEnum):
    OPEN = "open"
    PARTIAL = "partial"
    OVERDUE = "overdue"
    PAID = "paid"
    WAIVED = "waived"
    REFUNDED = "refunded"
    VOID = "void"


def derive_status(
    *,
    billed: int,
    adjusted: int,
    paid: int,
    refunded: int,
    voided: bool,
    grace_ends_on: date,
    on: date,
) -> InvoiceStatus:
    """The only author of a status. `status_expression` says the same to the database."""
    if voided:
        return InvoiceStatus.VOID
    if billed - adjusted - paid > 0:
        if on > grace_ends_on:
            return InvoiceStatus.OVERDUE
        return InvoiceStatus.PARTIAL if paid else InvoiceStatus.OPEN
    if refunded:
        return InvoiceStatus.REFUNDED
    return InvoiceStatus.PAID if paid else InvoiceStatus.WAIVED


def status_expression(on: date, of: Any) -> ColumnElement[InvoiceStatus]:
    """`derive_status` for many rows at once; `of` holds their columns."""

    def _status(status: InvoiceStatus) -> ColumnElement[InvoiceStatus]:
        return literal(status, of.status.type)

    owed = of.billed - of.adjusted - of.paid
    unsettled = case(
        (of.grace_ends_on < on, _status(InvoiceStatus.OVERDUE)),
        (of.paid > 0, _status(InvoiceStatus.PARTIAL)),
        else_=_status(InvoiceStatus.OPEN),
    )
    return case(
        (of.voided_at.is_not(None), _status(InvoiceStatus.VOID)),
        (owed > 0, unsettled),
        (of.refunded > 0, _status(InvoiceStatus.REFUNDED)),
        (of.paid > 0, _status(InvoiceStatus.PAID)),
        else_=_status(InvoiceStatus.WAIVED),
    )
