"""An order as text, so that two are the same only when every byte is."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID


def canonical(order: Mapping[str, Any]) -> str:
    """The one text that stands for this order: sorted keys, no spaces; ids and days as text, no fractions."""
    return json.dumps(order, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_as_text)


def digest(order: str) -> str:
    return hashlib.sha256(order.encode()).hexdigest()


def _as_text(value: Any) -> str:
    assert isinstance(value, UUID | date), f"{value!r} has no place in an order"
    return str(value)
