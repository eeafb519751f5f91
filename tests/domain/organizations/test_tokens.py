"""What a program's key opens, and for how long."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests import factories
from webapp.core import tenancy
from webapp.core.crypto import token_hash
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.organizations import ApiToken, LoginKind, RoleName, tokens


@pytest.fixture
def admin(organization):
    return factories.make_admin()


def make(role=RoleName.NATIONAL_ADMIN, name="Nightly export", **options) -> tuple[ApiToken, str]:
    with transaction():
        return tokens.create(name, role, by=options.pop("by", None), **options)


def test_a_token_speaks_for_a_program_with_its_own_role(organization, admin):
    chapter = factories.make_chapter()
    _, text = make(RoleName.TREASURER, chapter=chapter, by=admin)

    program = tokens.authenticate(text)

    assert program is not None
    assert program.organization.id == organization.id
    assert (program.login.kind, program.login.name) == (LoginKind.PROGRAM, "Nightly export")
    assert (program.role.role, program.role.chapter_id) == (RoleName.TREASURER, chapter.id)


def test_it_finds_its_organization_by_itself(organization):
    _, text = make()
    tenancy.leave()

    program = tokens.authenticate(text)

    assert program is not None and program.organization.id == organization.id


@pytest.mark.case("A19")
def test_only_its_fingerprint_is_stored(organization):
    token, text = make()

    assert len(text) == 75
    assert token.token_hash == token_hash(text)
    assert text not in str(db.session.execute(select(ApiToken.__table__)).all())


@pytest.mark.case("A10")
def test_a_bent_token_opens_nothing(organization):
    _, text = make()
    other = factories.make_organization("Other Union")
    moved = text[:9] + tokens._short(other.id) + text[31:]

    for bent in (
        "",
        "duesbook_",
        text[:-1],
        text + "x",
        text[:-1] + "~",
        text.upper(),
        "x" * 75,
        moved,
        "ä" * 75,
    ):
        assert tokens.authenticate(bent) is None


def test_its_use_is_noted_once_a_minute(organization):
    token, _ = make()
    assert token.use_is_due

    with transaction():
        tokens.saw(token)
    db.session.refresh(token)
    assert not token.use_is_due

    with transaction():
        db.session.execute(update(ApiToken).values(last_used_at=token.last_used_at - timedelta(minutes=2)))
    db.session.refresh(token)
    assert token.use_is_due


def test_a_revoked_or_disabled_program_stays_outside(organization, admin):
    token, text = make()
    with transaction():
        token.revoke(by=admin)
        token.revoke(by=admin)
    assert tokens.authenticate(text) is None

    token, text = make(name="Another")
    with transaction():
        db.session.execute(
            update(tokens.Login).where(tokens.Login.id == token.login_id).values(disabled_at=token.created_at)
        )
    db.session.expire_all()
    assert tokens.authenticate(text) is None


@pytest.mark.parametrize("role", [RoleName.MEMBER, RoleName.TREASURER])
def test_a_token_needs_a_role_of_the_staff_and_a_treasurer_a_chapter(organization, role):
    with pytest.raises(Invalid):
        make(role)
