"""What all threads execute is worked out by one of them, before there are others."""

import sys
import threading
from collections.abc import Iterator
from contextvars import Context
from functools import cache
from inspect import Signature, signature
from typing import Any, get_origin

import pytest
from flask import Flask
from sqlalchemy import CTE, Delete, Insert, Select, Subquery, Update, func, select, true
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import aliased, load_only
from sqlalchemy.sql import ClauseElement

from webapp.core import statements
from webapp.core.db import db
from webapp.domain.organizations import Organization

STATEMENTS = (Select, Insert, Update, Delete, CTE, Subquery)
CACHED = type(cache(lambda: None))
ROUNDS, THREADS = 10, 8


def in_modules() -> Iterator[tuple[str, Any]]:
    for name, module in list(sys.modules.items()):
        if module is not None and name.startswith("webapp.") and not name.startswith("webapp.sandbox"):
            for own, value in vars(module).items():
                yield f"{name}.{own}", value


def inside(statement: ClauseElement) -> set[int]:
    """The statement, and every one that it is made of."""
    found, waiting = set[int](), [statement]
    while waiting:
        part = waiting.pop()
        if id(part) not in found:
            found.add(id(part))
            waiting.extend(part.get_children())
            waiting.extend(getattr(part, "_independent_ctes", ()))
    return found


def test_every_statement_that_stands_in_a_module_is_worked_out_at_the_start(app: Flask) -> None:
    worked_out = set().union(*map(inside, statements.all_shared()))

    alone = [
        name for name, value in in_modules() if isinstance(value, STATEMENTS) and id(value) not in worked_out
    ]

    assert not alone, "Wrap them in core.statements.shared: several threads may be the first to use one."


def test_so_is_every_statement_that_is_made_once(app: Flask) -> None:
    made = {id(statement) for statement in statements.all_shared()}

    alone = [
        name
        for name, value in in_modules()
        if isinstance(value, CACHED) and makes_a_statement(signature(value)) and id(value()) not in made
    ]

    assert not alone, "Use core.statements.made_once in place of functools.cache."


def makes_a_statement(cached: Signature) -> bool:
    kind = get_origin(cached.return_annotation) or cached.return_annotation
    return not cached.parameters and isinstance(kind, type) and issubclass(kind, ClauseElement)


def a_question() -> Select[Any]:
    told = select(func.now().label("now")).offset(0).subquery("told")
    row = select(Organization).where(Organization.created_at <= told.c.now).offset(0).lateral("row")
    there = aliased(Organization, row)
    return select(there, func.now()).select_from(told).join(row, true()).options(load_only(there.name))


def test_then_many_threads_may_be_the_first_to_ask(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "_makers", [])
    failed: list[SQLAlchemyError] = []
    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(ROUNDS):
            question = statements.shared(a_question())
            statements.work_out(db.engine.dialect)
            db.engine.clear_compiled_cache()
            ask_at_once(app, question, failed)
    finally:
        sys.setswitchinterval(often)

    assert failed == []


def ask_at_once(app: Flask, question: Select[Any], failed: list[SQLAlchemyError]) -> None:
    ready = threading.Barrier(THREADS)

    def ask() -> None:
        with app.app_context():
            ready.wait()
            try:
                db.session.execute(question).all()
            except SQLAlchemyError as error:
                failed.append(error)

    threads = [threading.Thread(target=Context().run, args=(ask,)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
