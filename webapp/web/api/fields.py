"""The vocabulary of the API: what a field looks like in JSON Schema, and how its value is read.

The schema that the reference shows is the very one that requests are checked by.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

from webapp.core.errors import Invalid

Schema = dict[str, Any]
LARGEST_AMOUNT = 999_999_999_999
_PLAIN_TEXT = "^[^\u0000]*$"
_YEARS = range(1900, 2200)


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Field:
    schema: Schema
    read: Callable[[Any], Any] = _as_it_is

    def needed(self) -> "Field":
        return replace(self, schema=self.schema | {"x-needed": True})

    def without_example(self) -> "Field":
        """Left out of examples, where it makes no sense beside the rest."""
        return replace(self, schema=self.schema | {"examples": []})

    def or_null(self) -> "Field":
        schema = dict(self.schema)
        if "$ref" in schema:
            schema = {"anyOf": [schema, {"type": "null"}]}
        else:
            schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
        return Field(schema, lambda value: None if value is None else self.read(value))


def text(description: str, example: str, *, least: int = 0, most: int = 200, pattern: str = "") -> Field:
    schema = {"type": "string", "maxLength": most, "pattern": pattern or _PLAIN_TEXT}
    return _described(schema | ({"minLength": least} if least else {}), description, example)


def secret(description: str, example: str) -> Field:
    found = text(description, example, least=1, most=500)
    return replace(found, schema=found.schema | {"writeOnly": True})


def amount(description: str, example: int = 40_000, *, least: int = 0) -> Field:
    """Minor units."""
    return whole(f"{description}, in minor units", example, least=least, most=LARGEST_AMOUNT)


def balance(description: str, example: int = 40_000) -> Field:
    """A sum of many amounts in minor units, which may be less than zero."""
    most = LARGEST_AMOUNT * 1000
    return whole(f"{description}, in minor units", example, least=-most, most=most)


def whole(description: str, example: int, *, least: int = 0, most: int = 10_000) -> Field:
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return _described(schema, description, example, read=int)


def days(description: str, example: list[int]) -> Field:
    item = {"type": "integer", "minimum": -365, "maximum": 365}
    schema = {"type": "array", "items": item, "maxItems": 12, "uniqueItems": True}
    return _described(schema, description, example, read=lambda value: [int(one) for one in value])


def decimal(description: str, example: str, *, places: int = 2) -> Field:
    """As text, so that no digit is lost on the way."""
    schema = {"type": "string", "pattern": rf"^[0-9]{{1,3}}(\.[0-9]{{1,{places}}})?$", "maxLength": 12}
    return _described(schema, description, example, read=Decimal)


def flag(description: str, *, example: bool = True) -> Field:
    return _described({"type": "boolean"}, description, example)


def day(description: str, example: str = "2026-09-01") -> Field:
    return _described({"type": "string", "format": "date"}, description, example, read=_day)


def instant(description: str, example: str = "2026-09-01T14:30:00Z") -> Field:
    return _described({"type": "string", "format": "date-time"}, description, example)


def identifier(description: str, example: str = "0198f2c4-7a10-7c3e-9d5b-2f6a1e8b4c70") -> Field:
    return _described({"type": "string", "format": "uuid"}, description, example, read=UUID)


def choice(description: str, values: type[StrEnum]) -> Field:
    schema = {"type": "string", "enum": [one.value for one in values]}
    return _described(schema, description, next(iter(values)).value, read=values)


def one_of(description: str, *values: str) -> Field:
    return _described({"type": "string", "enum": list(values)}, description, values[0])


def currency(description: str = "Of every amount beside it") -> Field:
    return text(description, "USD", least=3, most=3, pattern="^[A-Z]{3}$")


def override_reason() -> Field:
    described = "Only with a national admin's token: why it goes into closed books all the same"
    example = "Found in the lock box after the month was closed"
    return text(described, example, most=500).without_example()


def list_of(shape: "Shape", description: str) -> Field:
    schema = {"type": "array", "items": {"$ref": f"#/components/schemas/{shape.name}"}}
    return Field(schema | {"description": description})


def texts(description: str) -> Field:
    return Field({"type": "array", "items": {"type": "string"}, "description": description})


def identifiers(description: str, *, most: int) -> Field:
    one = {"type": "string", "format": "uuid"}
    schema = {"type": "array", "items": one, "minItems": 1, "maxItems": most, "uniqueItems": True}
    example = ["0198f2c4-7a10-7c3e-9d5b-2f6a1e8b4c70"]
    return _described(schema, description, example, read=lambda value: [UUID(one) for one in value])


def several(shape: "Shape", description: str, *, most: int) -> Field:
    """A list that comes in: each as the shape says, and read by it."""

    def read(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: shape.fields[name].read(value) for name, value in one.items()} for one in found]

    schema = {"type": "array", "items": shape.schema, "minItems": 1, "maxItems": most}
    return Field(schema | {"description": description}, read)


def counts(description: str, example: dict[str, int]) -> Field:
    schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    return _described(schema, description, example)


def by_name(description: str, example: dict[str, Any], values: Field) -> Field:
    """An object with any names, each with a value of this sort."""

    def read(given: dict[str, Any]) -> dict[str, Any]:
        return {name: values.read(value) for name, value in given.items()}

    schema = {"type": "object", "additionalProperties": values.schema}
    return _described(schema, description, example, read=read)


def facts(description: str, example: dict[str, Any]) -> Field:
    """Names and values of whatever sort they are."""
    return _described({"type": "object"}, description, example)


def _described(
    schema: Mapping[str, Any], description: str, example: Any, *, read: Callable[[Any], Any] = _as_it_is
) -> Field:
    return Field({**schema, "description": description, "examples": [example]}, read)


def _day(text: str) -> date:
    found = date.fromisoformat(text)
    if found.year not in _YEARS:
        raise Invalid("Use a year from 1900 to 2199.")
    return found


SHAPES: dict[str, "Shape"] = {}


@dataclass(frozen=True)
class Shape:
    """A named object of the API. What comes in may hold nothing else; what goes out holds all of it."""

    name: str
    fields: Mapping[str, Field]
    comes_in: bool = False
    needs_something: bool = False
    description: str = ""
    schema: Schema = field(init=False, repr=False)

    def __post_init__(self) -> None:
        needed = [name for name, one in self.fields.items() if not self.comes_in or "x-needed" in one.schema]
        properties = {name: _public(one.schema) for name, one in self.fields.items()}
        schema: Schema = {"type": "object", "properties": properties}
        schema |= {"required": needed} if needed else {}
        schema |= {"additionalProperties": False} if self.comes_in else {}
        schema |= {"minProperties": 1} if self.needs_something else {}
        schema |= {"description": self.description} if self.description else {}
        object.__setattr__(self, "schema", schema)
        SHAPES[self.name] = self

    def tell(self, row: Any, **more: Any) -> dict[str, Any]:
        """The row as it goes out; `more` says what the row itself does not."""
        return {name: plain(more[name] if name in more else getattr(row, name)) for name in self.fields}


def shape_in(name: str, /, **fields: Field) -> Shape:
    """What is taken; nothing else may stand beside it."""
    return Shape(name, fields, comes_in=True)


def change_in(name: str, /, **fields: Field) -> Shape:
    """What is taken to change a row: at least one of these."""
    return Shape(name, fields, comes_in=True, needs_something=True)


def _public(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "x-needed"}


def plain(value: Any) -> Any:
    """As JSON has it: days as 2026-09-01, instants in UTC, exact decimals and ids as text."""
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case UUID() | Decimal():
            return str(value)
        case list() | tuple():
            return [plain(one) for one in value]
    return value
