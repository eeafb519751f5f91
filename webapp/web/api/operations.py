"""How an operation of the API is made: its path, what it takes and gives, who may, in one decorator.

The view itself reads no request: it gets `query` and `body` checked and converted, and returns plain data.
Whatever writes acts once per Idempotency-Key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from uuid import UUID

from flask import Response, g, jsonify
from werkzeug.wrappers import Response as AnyResponse

from webapp.core.errors import NotFound
from webapp.domain.ledger import Override, overriding
from webapp.domain.organizations import RoleName
from webapp.web.api import api, bearer, inputs
from webapp.web.api.fields import Shape
from webapp.web.request_keys import acts_once


@dataclass(frozen=True)
class Accepted:
    """Understood, and not done yet: somebody else has to approve it first (202)."""

    found: dict[str, Any]


Answer = dict[str, Any] | Accepted | AnyResponse
View = Callable[..., Answer]
ACCEPTED = 202


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    name: str
    summary: str
    description: str
    topic: str
    gives: Shape | None
    takes: Shape | None
    query: Shape | None
    status: int
    allowed: frozenset[RoleName]
    files: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()
    may_wait: bool = False

    @property
    def writes(self) -> bool:
        return self.method != "GET"


OPERATIONS: list[Operation] = []


def get(path: str, **facts: Any) -> Callable[[View], View]:
    return _operation("GET", path, **facts)


def post(path: str, *, status: int = 201, **facts: Any) -> Callable[[View], View]:
    return _operation("POST", path, status=status, **facts)


def patch(path: str, **facts: Any) -> Callable[[View], View]:
    return _operation("PATCH", path, **facts)


def delete(path: str, **facts: Any) -> Callable[[View], View]:
    return _operation("DELETE", path, **facts)


def _operation(
    method: str,
    path: str,
    *,
    summary: str,
    gives: Shape | None,
    allowed: frozenset[RoleName],
    topic: str,
    takes: Shape | None = None,
    query: Shape | None = None,
    status: int = 200,
    files: tuple[str, ...] = (),
    uploads: tuple[str, ...] = (),
    may_wait: bool = False,
) -> Callable[[View], View]:
    """`files` are other media types it can answer in; `uploads` what it takes instead of JSON. One that
    `may_wait` also answers Accepted.

    The view's docstring is what the reference says about it.
    """

    def made(view: View) -> View:
        description = " ".join((view.__doc__ or "").split())
        operation = Operation(
            method, path, view.__name__, summary, description, topic, gives, takes, query, status, allowed,
            files, uploads, may_wait,
        )  # fmt: skip
        OPERATIONS.append(operation)
        answering = _answering(operation, view)
        once = acts_once(answering) if operation.writes else answering
        api.add_url_rule(
            path,
            endpoint=view.__name__,
            view_func=_guarded(operation, once),
            methods=[method],
            provide_automatic_options=False,
        )
        return view

    return made


def _guarded(operation: Operation, view: Callable[..., Any]) -> Callable[..., Any]:
    """Who may, before anything is read; then the key, before anything is done."""

    @wraps(view)
    def guarded(organization_id: UUID | None = None, **ids: UUID) -> Any:
        if organization_id is not None and organization_id != g.organization.id:
            raise NotFound
        bearer.require(operation.allowed)
        if operation.writes:
            inputs.check_key()
        return view(**ids)

    return guarded


def _answering(operation: Operation, view: View) -> Callable[..., AnyResponse]:
    @wraps(view)
    def answer(**values: Any) -> AnyResponse:
        if operation.query is not None:
            values["query"] = inputs.query(operation.query)
        if operation.takes is not None:
            values["body"] = inputs.body(operation.takes)
        with overriding(_word(values)):
            found = view(**values)
        if isinstance(found, Accepted):
            return _as_json(found.found, ACCEPTED)
        return found if isinstance(found, AnyResponse) else _as_json(found, operation.status)

    return answer


def _word(values: dict[str, Any]) -> Override | None:
    """Why it may go into closed books all the same, where an operation takes that. The view need not know."""
    said = [values[part].pop("override_reason", "") for part in ("query", "body") if part in values]
    reason = "".join(said).strip()
    return Override(by=bearer.acting, reason=reason) if reason else None


def _as_json(found: dict[str, Any], status: int) -> Response:
    response = jsonify(found)
    response.status_code = status
    return response
