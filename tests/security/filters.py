"""Which addresses take anything out of what they are asked: to the others any question is the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from htmx_flask.requests import HtmxAwareRequest
from werkzeug.datastructures import ImmutableMultiDict


class Noted:
    """The names that were looked for, and whether any text was taken."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.is_taken = False

    def take(self, *names: str) -> None:
        self.names.update(names)
        self.is_taken = True


@contextmanager
def noting(app: Flask) -> Iterator[Noted]:
    """What requests take from their addresses meanwhile; `bounds` looks at every text and hands none on."""
    noted = Noted()

    class Arguments(ImmutableMultiDict[str, str]):
        def __contains__(self, name: object) -> bool:
            noted.names.add(str(name))
            return super().__contains__(name)

        def __getitem__(self, name: str) -> str:
            noted.take(name)
            return super().__getitem__(name)

        def getlist(self, name: str, *how: Any, **named: Any) -> Any:
            noted.take(name)
            return super().getlist(name, *how, **named)

        def lists(self) -> Any:
            noted.take()
            return super().lists()

        def items(self, multi: bool = False) -> Any:
            noted.take()
            return super().items(multi)

    class Observed(HtmxAwareRequest):
        parameter_storage_class = Arguments

        @property
        def full_path(self) -> str:
            noted.take()
            return str(super().full_path)

    usual, app.request_class = app.request_class, Observed
    try:
        yield noted
    finally:
        app.request_class = usual
