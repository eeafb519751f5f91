"""Letting people in by mail: the link, who may use it, and how often."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests import factories
from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.crypto import token_hash
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain.organizations import Invitation, Login, LoginSession, Member, Role, RoleName, invitations
from webapp.web.limits import limiter

PASSWORD = "plum ladder seventeen otters"


@pytest.fixture(autouse=True)
def _counters_start_at_zero(app):
    limiter.reset()


@pytest.fixture
def secret(app) -> str:
    return app.config["SETTINGS"].secret_key


@pytest.fixture
def chapter(organization):
    return factories.make_chapter()


@pytest.fixture
def invite(secret, organization):
    def _invite(email="ruth@example.org", role=RoleName.TREASURER, **options) -> Invitation:
        with transaction():
            return invitations.invite(email, role, by=None, secret=secret, **options)

    return _invite


@pytest.fixture
def link(secret, organization):
    def _link(invitation: Invitation) -> str:
        return f"/o/{organization.slug}/invitations/{invitations.token(invitation, secret)}"

    return _link


def roles_of(email: str) -> list[tuple[RoleName, object]]:
    db.session.rollback()
    login = Login.by_email(email)
    return (
        [(role.role, role.chapter_id) for role in Role.here().all(Role.login_id == login.id)] if login else []
    )


def test_somebody_new_sets_name_and_password_and_is_at_work(client, invite, link, chapter, organization):
    address = link(invite(chapter=chapter))
    page = client.get(address).text
    assert "ruth@example.org" in page and "treasurer of Alpha Chapter" in page

    answer = client.post(address, data={"name": "Ruth Lee", "password": PASSWORD})

    assert answer.location == f"/o/{organization.slug}/chapters/ALP/"
    assert client.get(answer.location).status_code == 200
    assert roles_of("ruth@example.org") == [(RoleName.TREASURER, chapter.id)]


def test_the_role_and_the_invitation_are_in_the_audit_trail(client, invite, link, chapter):
    client.post(link(invite(chapter=chapter)), data={"name": "Ruth Lee", "password": PASSWORD})

    entries = db.session.scalars(AuditEntry.here().select().order_by(AuditEntry.id)).all()
    assert [(entry.action, entry.by_name) for entry in entries] == [
        ("invited", "Duesbook"),
        ("invitation_accepted", "Ruth Lee"),
        ("role_granted", "Ruth Lee"),
    ]
    assert entries[-1].after == {
        "person": "Ruth Lee",
        "email": "ruth@example.org",
        "role": "treasurer",
        "chapter": "ALP",
    }


@pytest.mark.case("A12")
def test_opening_the_link_takes_nothing_and_the_second_use_is_refused(client, invite, link, chapter):
    address = link(invite(chapter=chapter))
    for _ in range(2):
        assert client.get(address).status_code == client.head(address).status_code == 200
    assert roles_of("ruth@example.org") == []

    assert client.post(address, data={"name": "Ruth Lee", "password": PASSWORD}).status_code == 303
    second = client.post(address, data={"name": "Mallory", "password": PASSWORD})

    assert second.status_code == 409
    assert "accepted already" in second.text
    assert len(roles_of("ruth@example.org")) == 1


@pytest.mark.case("A12")
def test_two_browsers_that_accept_at_once_make_one_login_and_one_session(app, client, invite, link, chapter):
    address = link(invite(chapter=chapter))

    def accept(number: int) -> int:
        form = {"name": f"Ruth {number}", "password": PASSWORD}
        return app.test_client().post(address, data=form).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(accept, range(4)))

    assert answers == [303, 409, 409, 409]
    assert len(roles_of("ruth@example.org")) == 1
    assert db.session.scalar(select(func.count(LoginSession.id))) == 1


@pytest.mark.parametrize("what", ["expired", "withdrawn"])
def test_a_link_that_is_over_says_so(client, invite, link, chapter, what):
    invitation = invite(chapter=chapter)
    with transaction():
        if what == "expired":
            db.session.merge(invitation).expires_at = func.now() - timedelta(minutes=1)
        else:
            db.session.merge(invitation).withdraw(by=factories_login())

    answer = client.get(link(invitation))

    assert answer.status_code == 409
    assert ("14 days" if what == "expired" else "withdrawn") in answer.text


def factories_login() -> Login:
    login = Login(name="Nora", email="nora.w@example.org")
    db.session.add(login)
    db.session.flush()
    return login


@pytest.mark.case("A10")
def test_a_guessed_link_is_nothing_and_another_organizations_neither(client, invite, link, chapter, secret):
    invitation = invite(chapter=chapter)
    other = factories.make_organization("Other Union")

    guessed = client.get(link(invitation)[:-3] + "abc")
    elsewhere = client.get(f"/o/{other.slug}/invitations/{invitations.token(invitation, secret)}")

    assert guessed.status_code == elsewhere.status_code == 404


def test_a_known_address_confirms_with_its_own_password(client, invite, link, chapter):
    login = factories.make_login(email="ruth@example.org")
    with transaction():
        login.choose_password(PASSWORD)
    address = link(invite(chapter=chapter))
    assert "You have a login with this address already" in client.get(address).text

    wrong = client.post(address, data={"name": "Thief", "password": "a password for ruth 1"})
    right = client.post(address, data={"password": PASSWORD})

    assert (wrong.status_code, right.status_code) == (422, 303)
    db.session.refresh(login)
    assert login.name != "Thief"
    assert roles_of("ruth@example.org") == [(RoleName.TREASURER, chapter.id)]


def test_whoever_is_signed_in_accepts_with_one_button(client, invite, link, chapter, sign_in):
    login = factories.make_login(email="ruth@example.org")
    with transaction():
        login.choose_password(PASSWORD)
    sign_in(client, login)

    assert client.post(link(invite(chapter=chapter)), data={}).status_code == 303

    assert roles_of("ruth@example.org") == [(RoleName.TREASURER, chapter.id)]
    assert client.get("/account/places/").status_code == 200


def test_being_signed_in_as_somebody_else_does_not_take_the_role(client, invite, link, chapter, sign_in):
    mallory = factories.make_login(email="mallory@example.org")
    ruth = factories.make_login(email="ruth@example.org")
    with transaction():
        ruth.choose_password(PASSWORD)
    sign_in(client, mallory)

    assert (
        client.post(link(invite(chapter=chapter)), data={"password": "guessed password"}).status_code == 422
    )

    assert roles_of("mallory@example.org") == roles_of("ruth@example.org") == []


def test_a_weak_password_or_no_name_is_asked_for_again(client, invite, link, chapter):
    address = link(invite(chapter=chapter))

    weak = client.post(address, data={"name": "Ruth Lee", "password": "password12"})
    nameless = client.post(address, data={"name": "", "password": PASSWORD})

    assert "easy to guess" in weak.text
    assert "Enter your name." in nameless.text
    assert weak.status_code == nameless.status_code == 422
    assert Login.by_email("ruth@example.org") is None


def test_a_member_who_accepts_is_joined_to_the_roster(client, invite, link, chapter, organization):
    member = factories.make_member(chapter, factories.make_status())
    address = link(invite(member.email, RoleName.MEMBER, member=member))

    answer = client.post(address, data={"name": member.name, "password": PASSWORD})

    assert answer.location == f"/o/{organization.slug}/my/"
    db.session.rollback()
    db.session.expire_all()
    assert Member.here().get(member.id).login_id == Login.by_email(member.email).id


@pytest.mark.case("A19")
def test_neither_the_job_nor_the_table_holds_the_link(invite, secret, chapter, jobs):
    invitation = invite(chapter=chapter)
    token = invitations.token(invitation, secret)

    [job] = jobs.named("announce")
    assert job.arguments == {"what": "invitation", "invitation_id": str(invitation.id)}
    assert invitation.token_hash == token_hash(token) != token


def test_inviting_twice_sends_one_invitation_again(invite, chapter, jobs):
    first = invite(chapter=chapter)
    second = invite(" Ruth@Example.org ", chapter=chapter)

    assert first.id == second.id
    assert db.session.scalar(select(func.count(Invitation.id))) == 1
    assert len(jobs.named("announce")) == 2


def test_whoever_has_the_role_is_not_invited_to_it(invite, chapter):
    login = factories.make_login("Ruth Lee", email="ruth@example.org")
    factories.make_role(login, RoleName.TREASURER, chapter=chapter)

    with pytest.raises(Conflict, match="Ruth Lee has this role already"):
        invite(chapter=chapter)


@pytest.mark.parametrize(
    "address", ["", "ruth", "ruth@", "a b@example.org", "a@example.org\nBcc: x@y.org", "a@b"]
)
def test_an_address_that_is_none_is_refused(invite, chapter, address):
    with pytest.raises(Invalid):
        invite(address, chapter=chapter)


def test_a_treasurer_without_a_chapter_and_an_auditor_with_one_are_refused(invite, chapter):
    for role, options in ((RoleName.TREASURER, {}), (RoleName.AUDITOR, {"chapter": chapter})):
        with pytest.raises(Invalid):
            invite(role=role, **options)


def test_a_role_in_one_organization_is_none_in_another(client, invite, link, chapter, organization):
    client.post(link(invite(chapter=chapter)), data={"name": "Ruth Lee", "password": PASSWORD})
    other = factories.make_organization("Other Union")
    with tenancy.acting_for(other.id):
        factories.make_chapter()

    assert client.get(f"/o/{other.slug}/chapters/ALP/").status_code == 404
    assert client.get(f"/o/{other.slug}/national/").status_code == 404
