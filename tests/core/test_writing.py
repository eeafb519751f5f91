"""What a transaction adds waits, and nobody can tell: who asks finds it, and a way back takes it along."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from tests import factories
from tests.statements import statements
from webapp.core import tenancy, writing
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.domain.organizations import Chapter, Organization


def note(action: str) -> None:
    writing.note(AuditEntry, by_name="Ana", action=action, subject_kind="chapters", subject_id=UUID(int=1))


def noted() -> list[str]:
    return list(db.session.scalars(select(AuditEntry.action).where(AuditEntry.by_name == "Ana")))


def test_all_that_is_held_is_written_by_one_statement(organization: Organization) -> None:
    with statements() as sent, transaction():
        note("first")
        writing.add(chapter("ALP"))
        note("second")
    assert [one for one in sent if "INSERT" in one] == sent[-1:]
    assert noted() == ["first", "second"]
    assert Chapter.here().first(Chapter.code == "ALP") is not None


def test_a_question_that_goes_past_the_session_finds_what_is_held(organization: Organization) -> None:
    with transaction() as session:
        note("held")
        counting = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "held")
        assert session.connection().scalar(counting) == 1


def test_a_question_about_other_rows_lets_it_wait(organization: Organization) -> None:
    with statements() as sent, transaction() as session:
        writing.add(chapter("ALP"))
        session.connection().execute(select(AuditEntry.id), execution_options=writing.aside(AuditEntry))
        assert not [one for one in sent if "INSERT" in one]
        asking = select(func.count()).select_from(Chapter).where(Chapter.code == "ALP")
        assert session.connection().execute(asking, execution_options=writing.aside(Chapter)).scalar() == 1


def test_a_transaction_that_fails_leaves_nothing_for_the_next_one(organization: Organization) -> None:
    with pytest.raises(RuntimeError), transaction():
        note("never")
        raise RuntimeError
    with transaction():
        note("kept")
    assert noted() == ["kept"]


def test_what_was_held_before_a_savepoint_outlives_it_and_what_was_held_inside_does_not(
    organization: Organization,
) -> None:
    factories.make_chapter("ALP")
    with transaction() as session:
        note("before")
        with pytest.raises(IntegrityError), session.begin_nested():
            session.add(chapter("ALP"))
            session.flush()
        with pytest.raises(RuntimeError), session.begin_nested():
            note("inside")
            raise RuntimeError
        with session.begin_nested():
            note("inside another")
    assert noted() == ["before", "inside another"]


def test_what_is_held_for_one_organization_is_written_for_it(
    organization: Organization, neighbour: Organization
) -> None:
    with transaction():
        note("ours")
        with tenancy.acting_for(neighbour.id):
            note("theirs")
        note("ours again")
    assert noted() == ["ours", "ours again"]
    with tenancy.acting_for(neighbour.id):
        db.session.rollback()
        assert noted() == ["theirs"]


def test_a_row_that_is_gone_is_not_changed_in_silence(organization: Organization) -> None:
    gone = factories.make_chapter("ALP")
    with pytest.raises(StaleDataError), transaction() as session:
        row = Chapter.here().get(gone.id)
        session.connection().execute(delete(Chapter).where(Chapter.id == gone.id))
        writing.change(row, name="Alpha")


def test_what_was_changed_is_written_once_and_the_session_knows_it(organization: Organization) -> None:
    alpha = factories.make_chapter("ALP")
    with statements() as sent, transaction():
        row = Chapter.here().get(alpha.id)
        writing.change(row, name="Alpha")
    assert len([one for one in sent if "UPDATE" in one]) == 1
    assert row not in db.session.dirty
    assert Chapter.here().get(alpha.id).name == "Alpha"


def chapter(code: str) -> Any:
    return Chapter(code=code, name=code)
