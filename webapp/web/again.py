"""A request that lost a deadlock is carried out again before its sender hears of it.

Only while nothing of it was committed: then it is the same request, come a moment later. Each try has a
request of its own, so nothing that the first one loaded or decided is left.
"""

import time
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from flask import Flask, g, has_request_context, request
from sqlalchemy.orm import Session
from werkzeug.wsgi import ClosingIterator

from webapp.core import deadlocks
from webapp.core.db import after_commit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LARGEST = 256 * 1024
"""Bytes of a body that are kept for another try. A larger one, a file, is sent again by its sender."""

_LOST = "duesbook.lost_a_deadlock"


@after_commit
def _no_way_back(_: Session) -> None:
    if has_request_context():
        g.committed = True


def still_at_the_door() -> None:
    """Whatever was committed so far was about who comes in, and can be done again with the rest."""
    g.committed = False


def wish_for_another_try() -> None:
    """From the error page of a deadlock: whether there is one is decided where the request came in."""
    if not g.get("committed"):
        request.environ[_LOST] = True


def _as_it_is(start_response: "StartResponse") -> "StartResponse":
    return start_response


class PatientFlask(Flask):
    """The last try's answer stands, whatever it is. `leaving` has a look at its headers as it leaves."""

    leaving: Callable[["StartResponse"], "StartResponse"] = staticmethod(_as_it_is)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return self.wsgi_app(environ, self.leaving(start_response))

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is asynchronous, so no hook and no view is asked each time whether it is."""
        return func

    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        body = _kept_body(environ)
        if body is None:
            return super().wsgi_app(environ, start_response)
        for pause in deadlocks.pauses():
            started: list[tuple[Any, ...]] = []
            answer, lost = self._try(environ, body, _noting(started))
            if not lost:
                start_response(*started[-1])
                return answer
            ClosingIterator(answer).close()
            time.sleep(pause)
        return self._try(environ, body, start_response)[0]

    def _try(
        self, environ: "WSGIEnvironment", body: bytes, start_response: "StartResponse"
    ) -> tuple[Iterable[bytes], bool]:
        attempt = {**environ, "wsgi.input": BytesIO(body)}
        answer = super().wsgi_app(attempt, start_response)
        return answer, _LOST in attempt


def _noting(started: list[tuple[Any, ...]]) -> "StartResponse":
    def start_response(*said: Any) -> Callable[[bytes], object]:
        started.append(said)
        return BytesIO().write

    return start_response


def _kept_body(environ: "WSGIEnvironment") -> bytes | None:
    """The whole body, if it is short; None when it is long or its length is not said."""
    length = environ.get("CONTENT_LENGTH") or ("" if environ.get("HTTP_TRANSFER_ENCODING") else "0")
    if not length.isdigit() or int(length) > LARGEST:
        return None
    body: bytes = environ["wsgi.input"].read(int(length))
    return body
