"""Reading a request: query, headers and body, checked by the schema that the reference shows."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from flask import request
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from webapp.core.errors import Invalid, Refusal
from webapp.web.api.fields import Field, Shape

Values = dict[str, Any]
KEY_PATTERN = r"^[!-~]{1,255}$"
_formats = FormatChecker(formats=())


class Unreadable(Refusal):
    code = "unreadable"
    message = "The body is not JSON."
    next_step = "Send one JSON object, in UTF-8."


class NotJson(Refusal):
    status = 415
    code = "unsupported-media-type"
    message = "Send the body as application/json."


class KeyUnusable(Refusal):
    code = "key-unusable"
    message = "An Idempotency-Key is one to 255 printable characters without spaces."
    next_step = "A UUID of your own does well."


def _is_day(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII) and date.fromisoformat(value))


def _is_identifier(value: object) -> bool:
    return not isinstance(value, str) or str(UUID(value)) == value.lower()


_formats.checks("date", raises=ValueError)(_is_day)
_formats.checks("uuid", raises=ValueError)(_is_identifier)


def body(shape: Shape) -> Values:
    """The JSON object that was sent; Invalid names each field that can't be used."""
    if request.mimetype != "application/json":
        raise NotJson
    return _checked(_parsed(request.get_data()), shape)


def query(shape: Shape) -> Values:
    """The address's parameters. One we don't know is refused: a filter misspelt would show too much."""
    found: Values = {}
    for name, texts in request.args.lists():
        if len(texts) > 1:
            raise Invalid(fields={name: "Give this once."})
        found[name] = _from_text(texts[0], shape.fields.get(name))
    return _checked(found, shape)


def check_key() -> None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(KEY_PATTERN, key):
        raise KeyUnusable


def _parsed(raw: bytes) -> Any:
    try:
        text = raw.decode()
        found = json.loads(text, parse_constant=_refuse_constant)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Unreadable from error
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _from_text(text: str, field: Field | None) -> Any:
    kind = field.schema.get("type") if field else None
    if kind == "integer" and re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        return int(text)
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return text


def _checked(found: Any, shape: Shape) -> Values:
    validator = Draft202012Validator(shape.schema, format_checker=_formats)
    problems: dict[str, str] = {}
    for error in validator.iter_errors(found):
        for name, sentence in _told(error):
            problems.setdefault(name, sentence)
    if problems:
        raise Invalid(fields=problems)
    return _read(found, shape.fields)


def _read(found: Mapping[str, Any], fields: Mapping[str, Field]) -> Values:
    values, problems = {}, {}
    for name, value in found.items():
        try:
            values[name] = fields[name].read(value)
        except Invalid as refusal:
            problems[name] = refusal.message
    if problems:
        raise Invalid(fields=problems)
    return values


def _told(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Field and sentence of one problem that the schema found."""
    where = ".".join(str(part) for part in error.absolute_path)
    match error.validator:
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            yield from ((name, "This is needed.") for name in missing)
        case "additionalProperties":
            known = error.schema["properties"]
            yield from (
                (str(name), "There is no such field here.") for name in error.instance if name not in known
            )
        case _:
            yield where or "body", _sentence(error)


def _sentence(error: ValidationError) -> str:
    wanted = error.validator_value
    match error.validator:
        case "enum":
            return "Use one of: " + ", ".join("null" if one is None else str(one) for one in wanted) + "."
        case "type":
            names = [wanted] if isinstance(wanted, str) else wanted
            return f"This has to be {' or '.join(_TYPES[name] for name in names)}."
        case "format":
            return {"date": "Write the day like 2026-09-01.", "uuid": "This is not an id."}[wanted]
    return _SENTENCES.get(str(error.validator), "This can't be used.").format(wanted)


_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_SENTENCES = {
    "minLength": "Enter at least {} characters.",
    "maxLength": "Enter at most {} characters.",
    "minimum": "This has to be {} or more.",
    "maximum": "This has to be {} or less.",
    "pattern": "This is not written as expected: {}",
    "maxItems": "Give at most {}.",
    "uniqueItems": "Give each value once.",
    "minProperties": "Say what to change.",
}
