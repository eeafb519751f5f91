"""The kinds of refusal, each with an address of its own that says what it means."""

from collections.abc import Iterator
from dataclasses import dataclass

from webapp.core.errors import Refusal
from webapp.web import errors
from webapp.web.api import fields as f
from webapp.web.api.fields import Field, Shape

PROBLEM = Shape(
    "Problem",
    {
        "type": f.text("The kind of problem: an address that explains it", "/api/problems/not-found"),
        "title": f.text("The kind in words", "Nothing here"),
        "status": f.whole("The HTTP status", 404, least=400, most=599),
        "detail": f.text("What is wrong, and what to do", "There is nothing here by that name.", most=5000),
        "request_id": f.text("What to tell us when you ask about it", "3f6c1a9b2d4e"),
    },
    description="Why a request was refused (RFC 9457).",
)
INVALID = Shape(
    "InvalidProblem",
    {
        **PROBLEM.fields,
        "errors": Field(
            {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "Field to sentence; missing when no single field is to blame",
                "examples": [{"amount": "This has to be 1 or more."}],
            }
        ),
    },
)
INVALID.schema["required"].remove("errors")

MEANINGS = {
    400: "The request can't be read.",
    401: "The token is missing, revoked or wrong.",
    403: "The token's role does not allow this.",
    404: "There is nothing by that id that this token may see.",
    405: "This address does not take this method.",
    409: "The state does not allow it, or something changed meanwhile.",
    413: "The body is too large.",
    414: "The query is longer than any that is of use here.",
    415: "The body is of a kind that is not taken here.",
    422: "Something in the request can't be used; `errors` says what.",
    429: "Too many requests. Wait as long as Retry-After says.",
    500: "Something went wrong on our side. Nothing was changed.",
    503: "Something we depend on does not answer. Nothing is lost; try again.",
}


@dataclass(frozen=True)
class Kind:
    code: str
    status: int
    meaning: str
    next_step: str


def kinds() -> dict[str, Kind]:
    """By code: what the web says by itself, and every refusal of the product."""
    found = {code: Kind(code, status, MEANINGS[status], "") for status, code in errors.CODES.items()}
    for refusal in _below(Refusal):
        if refusal.code not in found:
            found[refusal.code] = Kind(refusal.code, refusal.status, refusal.message, refusal.next_step)
    return dict(sorted(found.items()))


def _below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _below(one)
