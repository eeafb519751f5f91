"""The API in words that programs read: OpenAPI 3.1, made from the operations themselves."""

import re
from typing import Any

from webapp.web.api import problems
from webapp.web.api.fields import SHAPES, Schema, Shape
from webapp.web.api.inputs import KEY_PATTERN
from webapp.web.api.operations import ACCEPTED, OPERATIONS, Operation

_VARIABLE = re.compile(r"<uuid:(\w+)>")
_ALWAYS = (400, 401, 403, 404, 405, 414, 422, 429, 500, 503)
_TO_BE_TRIED_AGAIN = (409, 429, 503)
_ON_WRITES = (400, 409)
_ON_BODIES = (413, 415)

ABOUT = """Dues, invoices, payments and books of one organization.

Send `Authorization: Bearer duesbook_…`; a national admin makes tokens, each with a role. A treasurer's token
finds the own chapter's rows and no others; an auditor's token changes nothing. What a token may not see is
a 404.

Amounts are whole numbers of the currency's minor unit (cents for USD, yen for JPY) beside `currency`. Days
are the organization's own, like `2026-09-01`; instants are UTC. Lists come newest first, a page at a time.

Every write takes an `Idempotency-Key`: the same key and body give the same answer and act once. A repetition
waits for the first request's answer; if that one still runs after some seconds, it gets a 409 with
`Retry-After`. The same key with another body is a 422. Answers are kept for a week.

A token may ask 600 times a minute unless the operator says otherwise, and an address twice as often; beyond
that is a 429 with `Retry-After`. `RateLimit-Policy` says how many calls (`q`) are allowed in how many seconds
(`w`), `RateLimit` how many remain (`r`) and when the count starts anew (`t`).

Errors are `application/problem+json` with a stable `type`.
"""


def openapi(server: str) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        path = "/api" + _VARIABLE.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Duesbook", "version": "1", "description": ABOUT},
        "servers": [{"url": server}],
        "security": [{"token": []}],
        "tags": [{"name": topic} for topic in dict.fromkeys(one.topic for one in OPERATIONS)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {name: shape.schema for name, shape in sorted(SHAPES.items())},
            "responses": {f"Problem{status}": _problem(status) for status in problems.MEANINGS},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of the organization"}
            },
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.topic],
        "summary": operation.summary,
        "description": f"{operation.description}\n\nFor: {roles(operation)}.",
        "responses": _answers(operation) | _refusals(operation),
    }
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    if content := _content(operation):
        described["requestBody"] = {"required": True, "content": content}
    return described


def roles(operation: Operation) -> str:
    return ", ".join(sorted(role.label for role in operation.allowed))


def statuses(operation: Operation) -> list[int]:
    """Every status of a refusal that it can give."""
    found = _ALWAYS + (_ON_WRITES if operation.writes else ())
    return sorted(found + (_ON_BODIES if operation.takes or operation.uploads else ()))


def _refusals(operation: Operation) -> dict[str, Any]:
    return {str(one): {"$ref": f"#/components/responses/Problem{one}"} for one in statuses(operation)}


def _problem(status: int) -> dict[str, Any]:
    shape = problems.INVALID if status == 422 else problems.PROBLEM
    content = {"application/problem+json": {"schema": _ref(shape)}}
    described = {"description": problems.MEANINGS[status], "content": content}
    return described | ({"headers": _RETRY_AFTER} if status in _TO_BE_TRIED_AGAIN else {})


def _answers(operation: Operation) -> dict[str, Any]:
    found = {str(operation.status): _answer(operation)}
    if operation.may_wait:
        waiting = "Understood, and not done yet: it waits for approval"
        found[str(ACCEPTED)] = _answer(operation) | {"description": waiting}
    return found


def _answer(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if operation.gives is not None:
        example = example_of(operation.gives.schema)
        content["application/json"] = {"schema": _ref(operation.gives), "example": example}
    content |= {kind: {"schema": {"type": "string"}} for kind in operation.files}
    return {"description": operation.summary, "content": content}


def _content(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if operation.takes is not None:
        example = example_of(operation.takes.schema)
        content["application/json"] = {"schema": _ref(operation.takes), "example": example}
    for kind in operation.uploads:
        content[kind] = {"schema": _UPLOADS[kind]}
    return content


_RETRY_AFTER = {
    "Retry-After": {
        "description": "In how many seconds the same request may succeed; missing when it will not by itself",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_CSV = {
    "type": "string",
    "description": "Members, a line each, under a heading line",
    "examples": [
        "member_number,first_name,last_name,chapter_code,status\nPX00012,Ana,Núñez,ALP,undergraduate\n"
    ],
}
_UPLOADS: dict[str, Schema] = {
    "text/csv": _CSV,
    "multipart/form-data": {"type": "object", "properties": {"file": _CSV}, "required": ["file"]},
}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        for name in _VARIABLE.findall(operation.path)
    ]
    if operation.query is not None:
        schema = operation.query.schema
        for name, one in schema["properties"].items():
            needed = name in schema.get("required", ())
            parameter = {"name": name, "in": "query", "required": needed, "schema": one}
            found.append(parameter | {"description": one["description"]})
    if operation.writes:
        found.append(_KEY)
    return found


_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Your name for this request, such as a UUID. Sent again with the same body it acts once.",
    "schema": {"type": "string", "pattern": KEY_PATTERN, "minLength": 1, "maxLength": 255},
}


def _ref(shape: Shape) -> Schema:
    return {"$ref": f"#/components/schemas/{shape.name}"}


def example_of(schema: Schema) -> Any:
    """One believable value, put together from the examples of the fields."""
    if "$ref" in schema:
        return example_of(SHAPES[schema["$ref"].rsplit("/", 1)[1]].schema)
    if "examples" in schema:
        return schema["examples"][0]
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {}).items()
            return {name: example_of(one) for name, one in properties if one.get("examples") != []}
        case "array":
            return [example_of(schema["items"])]
    return "…"
