"""Statements that are put together once and shared by all threads.

SQLAlchemy works out the parts of a statement when it is first used, and not safely when several threads come
at the same moment: some then miss columns. So one thread works them all out before there are others.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache, lru_cache
from threading import Lock
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import BindParameter, ColumnElement, FromClause, literal_column, null, select
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import configure_mappers
from sqlalchemy.sql import ClauseElement, visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import ExternallyTraversible

S = TypeVar("S", bound=ClauseElement)
K = TypeVar("K", bound=Hashable)

_makers: list[Callable[[], ClauseElement]] = []


def shared(statement: S) -> S:
    """One that stands in a module."""
    written = written_out(statement)
    _makers.append(lambda: written)
    return written


def written_out(statement: S) -> S:
    """With what never changes in it as SQL, so that it is not sent each time."""
    return cast(S, visitors.replacement_traverse(statement, {}, _written))


def _written(element: ExternallyTraversible, **_: Any) -> ColumnElement[Any] | None:
    """The value of a parameter that nobody named, as SQL; None leaves it as it is."""
    if not isinstance(element, BindParameter) or not element.unique or element.callable is not None:
        return None
    match element.value:
        case None:
            return null()
        case bool() | int() as number:
            return literal_column(str(number).lower(), element.type)
        case str() as text:
            return literal_column("'" + text.replace("'", "''") + "'", element.type)
    return None


def made_once(make: Callable[[], S]) -> Callable[[], S]:
    """One that can be put together only when all tables are known."""
    made = cache(make)
    _makers.append(made)
    return made


def made_for_each(make: Callable[[K], S]) -> Callable[[K], S]:
    """One for each of many, worked out by whoever is the first to ask for it, while all others wait."""
    made: dict[K, S] = {}
    turn = Lock()

    def wanted(of: K) -> S:
        if of not in made:
            with turn:
                if of not in made:
                    statement = make(of)
                    statement.compile()
                    made[of] = statement
        return made[of]

    return wanted


class Ready(NamedTuple):
    """A statement as the driver takes it, and what it is sent with, one after the other."""

    text: str
    asked: Sequence[tuple[str, BindParameter[Any], Callable[[Any], Any] | None]]

    def values(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """As the driver takes them. It knows by itself what is not given."""
        sent = []
        for name, said, as_sent in self.asked:
            value = given.get(name, said)
            if value is said:
                value = said.effective_value
            sent.append(as_sent(value) if as_sent else value)
        return tuple(sent)


@lru_cache(maxsize=500)
def ready(statement: ClauseElement, dialect: Dialect) -> Ready:
    """For what is asked so often that compiling it would show. Its answer comes as the driver reads it."""
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    asked = [(name, compiled.binds[name]) for name in compiled.positiontup or ()]
    return Ready(
        compiled.string,
        [(name, said, said.type.dialect_impl(dialect).bind_processor(dialect)) for name, said in asked],
    )


def work_out(dialect: Dialect) -> None:
    """All of them; before the first request, when every module is there."""
    configure_mappers()
    for statement in all_shared():
        whole = select(statement) if isinstance(statement, FromClause) else statement
        whole.compile(dialect=dialect)


def all_shared() -> list[ClauseElement]:
    return [make() for make in _makers]
