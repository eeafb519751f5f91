"""Stripe's own description of its API: what a request may hold, and what an object looks like."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from webapp.sandbox.errors import Malformed, missing_parameter, unknown_parameters
from webapp.sandbox.form import decode, typed

API_VERSION = "2026-10-28.endive"
FILE = Path(__file__).parent / "specs" / "stripe-openapi-trimmed-3.1-endive.json"
Json = dict[str, Any]


@cache
def description() -> Json:
    document: Json = json.loads(FILE.read_text())
    return document


@cache
def operations() -> list[tuple[str, str]]:
    return [(method, path) for path, item in description()["paths"].items() for method in item]


def check(method: str, path: str, *, body: list[tuple[str, str]], query: list[tuple[str, str]]) -> Json:
    """The request's parameters, typed. Raises what Stripe answers when they do not fit its description."""
    if (method, path) not in operations():
        return _checked(Draft202012Validator(OUTSIDE_THE_CUT), [*query, *body])
    return _checked(_query_validator(method, path), query) | _checked(_body_validator(method, path), body)


OUTSIDE_THE_CUT: Json = {
    "type": "object",
    "properties": {"expand": {"type": "array", "items": {"type": "string"}}},
    "additionalProperties": False,
}


@cache
def _body_validator(method: str, path: str) -> Draft202012Validator:
    content = description()["paths"][path][method]["requestBody"]["content"]
    return Draft202012Validator(_strict(next(iter(content.values()))["schema"]))


@cache
def _query_validator(method: str, path: str) -> Draft202012Validator:
    parameters = description()["paths"][path][method].get("parameters", [])
    members = {item["name"]: item["schema"] for item in parameters if item["in"] == "query"}
    return Draft202012Validator(_strict({"type": "object", "properties": members}))


def _strict(schema: Any) -> Any:
    """Stripe refuses unknown parameters at every depth; the description says so only at the top."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        strict.setdefault("additionalProperties", False)
    return strict


def _checked(validator: Draft202012Validator, pairs: list[tuple[str, str]]) -> Json:
    schema: Json = validator.schema
    values: Json = typed(decode(pairs), schema)
    errors = sorted(map(_innermost, validator.iter_errors(values)), key=_urgency)
    if errors:
        raise _refusal(errors[0])
    _refuse_empty(values, schema, "")
    return values


def _innermost(error: ValidationError) -> ValidationError:
    return best_match([error]) if error.context else error


def _urgency(error: ValidationError) -> int:
    order = ["additionalProperties", "required"]
    return order.index(error.validator) if error.validator in order else len(order)


def _refusal(error: ValidationError) -> Malformed:
    place = list(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        return unknown_parameters([_name([*place, key]) for key in error.instance if key not in known])
    if error.validator == "required":
        absent = next(key for key in error.validator_value if key not in error.instance)
        return missing_parameter(_name([*place, absent]))
    name = _name(place)
    if error.validator == "enum":
        choices = ", ".join(str(choice) for choice in error.validator_value if choice)
        return Malformed(f"Invalid {name}: must be one of {choices}", param=name)
    if error.validator == "maxLength":
        return Malformed(
            f"Invalid string: {name} must be at most {error.validator_value} characters.",
            code="parameter_invalid_string_length",
            param=name,
        )
    kind = error.validator_value if error.validator == "type" else "value"
    shown = error.instance if isinstance(error.instance, str) else name
    if kind == "integer":
        return Malformed(f"Invalid integer: {shown}", code="parameter_invalid_integer", param=name)
    return Malformed(f"Invalid {kind}: {shown}", param=name)


def _name(place: list[Any]) -> str:
    head, *rest = [str(part) for part in place] or [""]
    return head + "".join(f"[{part}]" for part in rest)


def _refuse_empty(value: Any, schema: Json, name: str) -> None:
    """An empty string unsets a parameter where Stripe allows that, and is an error where it does not."""
    if isinstance(value, dict):
        for key, item in value.items():
            member = schema.get("properties", {}).get(key)
            if member is not None:
                _refuse_empty(item, member, f"{name}[{key}]" if name else key)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            _refuse_empty(item, schema.get("items", {}), f"{name}[{position}]")
    elif value == "" and "anyOf" not in schema and "" not in schema.get("enum", []):
        raise Malformed(
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
            f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request or "
            "supply a non-empty value.",
            code="parameter_invalid_empty",
            param=name,
        )


@cache
def blank(kind: str) -> Json:
    """An object of this kind with every nullable field null, so that none is forgotten."""
    members = description()["components"]["schemas"].get(kind, {}).get("properties", {})
    return {name: None for name, schema in members.items() if _nullable(schema) and name not in INCLUDABLE}


INCLUDABLE = {"refunds", "line_items"}


def _nullable(schema: Json) -> bool:
    branches = schema.get("anyOf", [schema])
    return any("null" in _types(branch) or None in branch.get("enum", []) for branch in branches)


def _types(schema: Json) -> list[str]:
    kind = schema.get("type", [])
    return kind if isinstance(kind, list) else [kind]


@cache
def expandable(kind: str) -> frozenset[str]:
    return frozenset(description()["components"]["schemas"].get(kind, {}).get("x-expandableFields", ()))


def faults(kind: str, value: Json) -> Iterator[str]:
    """Where an object differs from Stripe's description of it; the tests expect none."""
    for error in _object_validator(kind).iter_errors(value):
        worst = _innermost(error)
        yield f"{kind}.{'.'.join(map(str, worst.absolute_path))}: {worst.message}"


@cache
def _object_validator(kind: str) -> Draft202012Validator:
    resource = DRAFT202012.create_resource(description())
    registry: Registry[Any] = Registry().with_resource("stripe:", resource)
    return Draft202012Validator({"$ref": f"stripe:#/components/schemas/{kind}"}, registry=registry)
