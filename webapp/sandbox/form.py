"""Stripe's nested form bodies: `line_items[0][price_data][currency]=usd`."""

import re
from collections.abc import Iterable
from typing import Any

PARTS = re.compile(r"\[([^\[\]]*)\]")


def decode(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Nested dictionaries of strings. Lists are still dictionaries with numbers as keys until `typed`."""
    decoded: dict[str, Any] = {}
    for name, value in pairs:
        head, *rest = [name.split("[", 1)[0], *PARTS.findall(name)]
        place, key = decoded, head
        for part in rest:
            inner = place.setdefault(key, {})
            if not isinstance(inner, dict):
                inner = place[key] = {}
            place, key = inner, part or str(len(inner))
        place[key] = value
    return decoded


def typed(value: Any, schema: dict[str, Any]) -> Any:
    """What the schema expects made of a form's strings. What does not fit stays, for the check to refuse."""
    if "anyOf" in schema:
        return _first_fitting(value, schema["anyOf"])
    kind = schema.get("type")
    if isinstance(value, str):
        return _scalar(value, kind)
    if kind == "array" and all(key.isdigit() for key in value):
        return [typed(value[key], schema.get("items", {})) for key in sorted(value, key=int)]
    if kind == "object":
        members, others = schema.get("properties", {}), schema.get("additionalProperties")
        fallback = others if isinstance(others, dict) else {}
        return {key: typed(item, members.get(key, fallback)) for key, item in value.items()}
    return value


def _scalar(value: str, kind: str | None) -> str | int | float | bool:
    if kind == "integer" and re.fullmatch(r"-?\d{1,18}", value):
        return int(value)
    if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value)
    if kind == "boolean" and value in {"true", "false"}:
        return value == "true"
    return value


SHAPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}


def _first_fitting(value: Any, branches: list[dict[str, Any]]) -> Any:
    for branch in branches:
        candidate = typed(value, branch)
        if isinstance(candidate, SHAPES[branch["type"]]) and candidate in branch.get("enum", [candidate]):
            return candidate
    return typed(value, branches[0])
