"""Why a line costs what it costs."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped

from webapp.core.db import Base, OrganizationRow, references


class PriceReason(OrganizationRow, Base):
    """The rule, the rate and its dates, the status, who approved.

    One row per batch and price, shared by all lines with that price. `facts` keeps the wording of that day.
    """

    __tablename__ = "price_reasons"

    run_id: Mapped[UUID | None]
    rate_id: Mapped[UUID | None]
    unit_amount: Mapped[int]
    facts: Mapped[dict[str, Any]]

    __table_args__ = (
        references("billing_runs", "run_id"),
        references("dues_rates", "rate_id"),
    )
