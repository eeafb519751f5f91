import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests import factories
from tests.statements import statements
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import NotFound
from webapp.core.jobs import Job, OutboxJob, later
from webapp.domain.organizations import Chapter, Organization, Role, RoleName, sessions
from webapp.domain.organizations.arrival import Arrival, arrive


@pytest.mark.case("A2")
def test_a_forgotten_filter_returns_nothing_of_another_organization(
    organization: Organization, neighbour: Organization
) -> None:
    mine = factories.make_chapter("ALP")
    with tenancy.acting_for(neighbour.id):
        theirs = factories.make_chapter("BET")
        assert db.session.scalars(select(Chapter)).all() == [theirs]
    assert db.session.scalars(select(Chapter)).all() == [mine]


@pytest.mark.case("A1")
def test_another_organizations_id_is_simply_not_there(
    organization: Organization, neighbour: Organization
) -> None:
    with tenancy.acting_for(neighbour.id):
        theirs = factories.make_chapter("BET")
    with pytest.raises(NotFound):
        Chapter.in_(organization).get(theirs.id)


def test_a_row_cannot_be_written_into_another_organization(
    organization: Organization, neighbour: Organization
) -> None:
    with pytest.raises(DBAPIError, match="row-level security"), transaction() as session:
        session.add(Chapter(organization_id=neighbour.id, code="BET", name="Beta"))


def test_a_row_cannot_point_into_another_organization(
    organization: Organization, neighbour: Organization
) -> None:
    with tenancy.acting_for(neighbour.id):
        theirs = factories.make_chapter("BET")
    login = factories.make_login()
    with pytest.raises(DBAPIError, match="foreign key"), transaction() as session:
        session.add(Role(login_id=login.id, role=RoleName.TREASURER, chapter_id=theirs.id))


def test_without_an_organization_nothing_is_visible(organization: Organization) -> None:
    factories.make_chapter("ALP")
    db.session.rollback()
    tenancy.leave()
    assert db.session.scalars(select(Chapter)).all() == []
    db.session.rollback()


def test_a_login_finds_its_own_roles_in_every_organization(
    organization: Organization, neighbour: Organization
) -> None:
    login, other = factories.make_login(), factories.make_login()
    factories.make_role(login, RoleName.AUDITOR)
    factories.make_role(other, RoleName.AUDITOR)
    with tenancy.acting_for(neighbour.id):
        factories.make_role(login, RoleName.NATIONAL_ADMIN)
    db.session.rollback()
    tenancy.enter(None, login.id)
    assert {role.organization_id for role in db.session.scalars(select(Role))} == {
        organization.id,
        neighbour.id,
    }
    db.session.rollback()


def test_the_platform_sees_the_outbox_of_all_and_no_other_row(
    organization: Organization, neighbour: Organization
) -> None:
    factories.make_chapter("ALP")
    for one in (organization, neighbour):
        with tenancy.acting_for(one.id), transaction():
            later(Job.DAILY, day="2026-11-21")
    db.session.rollback()
    tenancy.leave()
    with tenancy.platform():
        assert len(db.session.scalars(select(OutboxJob)).all()) == 2
        assert db.session.scalars(select(Chapter)).all() == []
        db.session.rollback()


def test_the_setting_ends_with_the_transaction(organization: Organization) -> None:
    with transaction():
        db.session.execute(text("SELECT 1"))
    tenancy.leave()
    assert db.session.scalar(text("SELECT current_setting('app.organization_id', true)")) == ""
    db.session.rollback()


@pytest.mark.case("A2")
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_the_next_transaction_of_a_connection_knows_nobody(organization: Organization, end: str) -> None:
    chapter = factories.make_chapter("ALP")
    with db.engine.connect() as connection:
        assert connection.scalars(select(Chapter.id)).all() == [chapter.id]
        getattr(connection, end)()
        tenancy.leave()
        assert connection.scalars(select(Chapter.id)).all() == []


@pytest.mark.case("A2")
def test_a_savepoint_taken_back_leaves_nobody_elses_rows_behind(
    organization: Organization, neighbour: Organization
) -> None:
    mine = factories.make_chapter("ALP")
    with tenancy.acting_for(neighbour.id):
        factories.make_chapter("BET")
    with db.engine.connect() as connection:
        assert connection.scalars(select(Chapter.id)).all() == [mine.id]
        with tenancy.acting_for(neighbour.id):
            savepoint = connection.begin_nested()
            connection.execute(select(Chapter.id))
            savepoint.rollback()
        assert connection.scalars(select(Chapter.id)).all() == [mine.id]


def test_a_transaction_is_told_once_whom_it_acts_for(
    organization: Organization, neighbour: Organization
) -> None:
    with statements() as sent:
        Chapter.here().all()
        with tenancy.acting_for(neighbour.id):
            pass
        Chapter.here().all()
    assert [one for one in sent if "set_config" in one] == sent[:1]
    assert len(sent) == 3


def test_whoever_arrives_is_told_by_the_question_who_it_is(organization: Organization) -> None:
    chapter = factories.make_chapter("ALP")
    login = factories.make_login()
    with transaction():
        token = sessions.start(login, sessions.FOR_STAFF)
    tenancy.leave()
    with statements() as sent:
        arrived = arrive(organization.slug, token)
        seen = Chapter.in_(organization).all()
    assert (arrived.organization, arrived.session.login if arrived.session else None) == (organization, login)
    assert (seen, len(sent)) == ([chapter], 2)


@pytest.mark.case("A2")
def test_whoever_arrives_has_the_roles_of_that_organization_and_learns_of_them_at_once(
    organization: Organization, neighbour: Organization
) -> None:
    login, chapter = factories.make_login(), factories.make_chapter("ALP")
    factories.make_role(login, RoleName.TREASURER, chapter=chapter)
    factories.make_role(factories.make_login(), RoleName.NATIONAL_ADMIN)
    with tenancy.acting_for(neighbour.id):
        factories.make_role(login, RoleName.NATIONAL_ADMIN)
    with transaction():
        token = sessions.start(login, sessions.FOR_STAFF)
    with statements() as sent:
        access = arrive(organization.slug, token, chapter="ALP").access
    assert [(role.role, role.chapter) for role in access.roles] == [(RoleName.TREASURER, chapter)]
    assert (access.chapter, len(sent)) == (chapter, 1)
    assert arrive(organization.slug, "not a token", chapter="ALP") == Arrival(organization, None)
    db.session.rollback()


@pytest.mark.case("A2")
@pytest.mark.parametrize("slug", ["no-such-place", None])
def test_whoever_arrives_nowhere_sees_nothing(organization: Organization, slug: str | None) -> None:
    factories.make_chapter("ALP")
    assert arrive(slug, "not a token") == Arrival(None, None)
    assert db.session.scalars(select(Chapter)).all() == []
    db.session.rollback()
