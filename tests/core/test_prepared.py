import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from webapp.core.db import db, transaction
from webapp.domain.organizations import Chapter, Organization

ENOUGH = 12
"""Times that the same is asked before a driver prepares it."""


def is_prepared() -> bool:
    known = db.session.scalars(text("SELECT statement FROM pg_prepared_statements"))
    return any("FROM chapters" in statement for statement in known)


def read_often() -> None:
    """Each time on a page of its own, which ends by taking back what it began."""
    for _ in range(ENOUGH):
        Chapter.here().all()
        db.session.rollback()


@pytest.fixture(autouse=True)
def nothing_prepared(app: Flask, organization: Organization) -> None:
    db.session.rollback()
    db.engine.dispose()


def test_what_one_page_asked_is_still_prepared_for_the_next() -> None:
    read_often()

    assert is_prepared()


def test_after_a_failure_everything_is_prepared_anew() -> None:
    read_often()
    with pytest.raises(DBAPIError):
        db.session.execute(text("SELECT 1 / 0"))
    db.session.rollback()

    assert not is_prepared()
    assert Chapter.here().all() == []


def test_taking_back_takes_back_what_was_written() -> None:
    read_often()
    db.session.add(Chapter(code="A", name="Alpha", address=""))
    db.session.flush()
    db.session.rollback()

    assert Chapter.here().all() == []
    with transaction() as session:
        session.add(Chapter(code="A", name="Alpha", address=""))
    assert [chapter.code for chapter in Chapter.here().all()] == ["A"]
