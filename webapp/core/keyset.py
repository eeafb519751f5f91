"""Where a list goes on: the values of its last row that it is ordered by, as text for an address."""

from collections.abc import Callable
from typing import Any, TypeVar

K = TypeVar("K", bound=tuple[Any, ...])


def written(key: tuple[Any, ...]) -> str:
    return "~".join(map(str, key))


def read(text: str | None, kind: Callable[..., K], *values: Callable[[str], Any]) -> K | None:
    """The key that `written` wrote, each value read by one of these; None when it is none."""
    try:
        parts = (text or "").split("~", len(values) - 1)
        return kind(*(read_one(part) for read_one, part in zip(values, parts, strict=True)))
    except ValueError:
        return None
