"""The national office's pages about people, tokens and what everybody did."""

import csv
import io

import pytest
from sqlalchemy import select

from tests import factories
from webapp.core.audit import AuditEntry, record
from webapp.core.db import db, transaction
from webapp.domain.organizations import ApiToken, Invitation, Role, RoleName, tokens


@pytest.fixture
def admin(organization):
    return factories.make_admin()


@pytest.fixture
def chapter(organization):
    return factories.make_chapter()


@pytest.fixture
def national(organization) -> str:
    return f"/o/{organization.slug}/national"


@pytest.fixture
def office(client, admin, sign_in):
    sign_in(client, admin)
    return client


@pytest.fixture
def auditor(app, organization, sign_in):
    login = factories.make_login("Olga Auditor")
    factories.make_role(login, RoleName.AUDITOR)
    browser = app.test_client()
    sign_in(browser, login)
    return browser


def rows_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_the_list_shows_the_staff_and_finds_by_name_role_and_chapter(office, national, chapter):
    other = factories.make_chapter("BET", "Beta Chapter")
    for name, where in (("Ruth Lee", chapter), ("Bob Ray", other)):
        factories.make_role(factories.make_login(name), RoleName.TREASURER, chapter=where)
    member = factories.make_member(chapter, factories.make_status())
    factories.make_role(factories.make_login("Mia Member"), RoleName.MEMBER, member=member)

    def names(query: str) -> list[str]:
        return [row["name"] for row in rows_of(office.get(f"{national}/people/?format=csv&{query}"))]

    assert names("") == ["Bob Ray", "Nora Admin", "Ruth Lee"]
    assert names("q=RUTH") == ["Ruth Lee"]
    assert names("role=treasurer") == ["Bob Ray", "Ruth Lee"]
    assert names(f"chapter={chapter.id}") == ["Ruth Lee"]
    assert names("role=member") == ["Mia Member"]
    page = office.get(f"{national}/people/").text
    assert "Treasurer of Alpha Chapter" in page and "Mia Member" not in page


def test_the_list_pages_by_key_and_swaps_alone(office, national):
    for number in range(60):
        factories.make_role(factories.make_login(f"Person {number:02}"), RoleName.AUDITOR)

    first = office.get(f"{national}/people/")
    last = db.session.scalars(Role.here().select().join(Role.login).order_by("name").limit(50)).all()[-1]
    rest = office.get(f"{national}/people/?after={last.id}", headers={"HX-Request": "true"})

    assert "Person 48" in first.text and "Person 49" not in first.text
    assert "Show more people" in first.text
    assert "Person 49" in rest.text and "Person 59" in rest.text and "Person 48" not in rest.text
    assert "<html" not in rest.text
    assert rest.headers["Vary"].count("HX-Request") == 1


def test_an_admin_invites_sends_again_and_withdraws(office, national, chapter, jobs):
    fields = {"email": "ruth@example.org", "role": "treasurer", "chapter": str(chapter.id)}
    assert office.get(f"{national}/people/invitation").status_code == 200
    assert office.post(f"{national}/people/invitations/", data=fields).status_code == 303
    invitation = db.session.scalars(select(Invitation)).one()
    assert "ruth@example.org" in office.get(f"{national}/people/").text

    assert office.post(f"{national}/people/invitations/{invitation.id}/mailing").status_code == 303
    assert office.post(f"{national}/people/invitations/{invitation.id}/withdrawal").status_code == 303

    assert len(jobs.named("announce")) == 2
    db.session.refresh(invitation)
    assert invitation.withdrawn_at is not None
    assert office.post(f"{national}/people/invitations/{invitation.id}/mailing").status_code == 409


def test_an_invitation_with_a_mistake_keeps_what_was_typed(office, national):
    answer = office.post(
        f"{national}/people/invitations/", data={"email": "ruth@", "role": "treasurer", "chapter": ""}
    )

    assert answer.status_code == 422
    assert 'value="ruth@"' in answer.text
    assert "Enter an address like name@example.org." in answer.text


def test_a_role_is_removed_after_a_look_at_what_that_means(office, national, chapter, app, sign_in):
    ruth = factories.make_login("Ruth Lee")
    role = factories.make_role(ruth, RoleName.TREASURER, chapter=chapter)
    browser = app.test_client()
    sign_in(browser, ruth)

    page = office.get(f"{national}/people/roles/{role.id}/removal").text
    assert "treasurer of Alpha Chapter" in page and "signed out everywhere at once" in page
    assert office.post(f"{national}/people/roles/{role.id}/removal").status_code == 303

    db.session.rollback()
    assert Role.here().all(Role.login_id == ruth.id) == []
    assert browser.get("/account/").status_code == 303
    entry = db.session.scalars(AuditEntry.here().select(AuditEntry.action == "role_removed")).one()
    assert entry.before["person"] == "Ruth Lee"


def test_the_only_national_admin_stays(office, national, admin):
    role = Role.here().first(Role.login_id == admin.id)
    with transaction():
        tokens.create("A program", RoleName.NATIONAL_ADMIN, by=admin)

    answer = office.post(f"{national}/people/roles/{role.id}/removal")

    assert answer.status_code == 409
    assert "only national admin" in answer.text
    assert office.get(f"{national}/people/").status_code == 200


@pytest.mark.case("A4")
def test_an_auditor_reads_every_page_and_changes_nothing(auditor, national, admin, chapter):
    role = Role.here().first(Role.login_id == admin.id)
    for page in ("people/", "tokens/", "audit-trail/", f"people/roles/{role.id}/removal"):
        assert auditor.get(f"{national}/{page}").status_code == 200
    assert "Invite somebody" not in auditor.get(f"{national}/people/").text

    for action in ("people/invitations/", f"people/roles/{role.id}/removal", "tokens/"):
        refused = auditor.post(f"{national}/{action}", data={"email": "x@example.org", "role": "auditor"})
        assert refused.status_code == 403
        assert "Auditors read everything and change nothing." in refused.text
        assert "Nora Admin" in refused.text

    assert db.session.scalars(select(Invitation)).all() == []


@pytest.mark.case("A4")
def test_treasurers_and_members_do_not_see_these_pages(app, national, admin, chapter, sign_in):
    ruth, mia = factories.make_login("Ruth Lee"), factories.make_login("Mia Member")
    factories.make_role(ruth, RoleName.TREASURER, chapter=chapter)
    member = factories.make_member(chapter, factories.make_status())
    factories.make_role(mia, RoleName.MEMBER, member=member)

    for login in (ruth, mia):
        browser = app.test_client()
        sign_in(browser, login)
        for page in ("people/", "people/?format=csv", "tokens/", "audit-trail/", "audit-trail/?format=csv"):
            refused = browser.get(f"{national}/{page}")
            assert refused.status_code == 403
            assert "Nora Admin" in refused.text


@pytest.mark.case("A1")
def test_another_organizations_invitation_role_and_token_are_not_there(office, national, admin):
    other = factories.make_organization("Other Union")
    with factories.tenancy.acting_for(other.id):
        stranger = factories.make_admin("Sam Stranger")
        role = Role.here().first(Role.login_id == stranger.id)
        with transaction():
            token, _ = tokens.create("Theirs", RoleName.AUDITOR, by=stranger)

    assert office.get(f"{national}/people/roles/{role.id}/removal").status_code == 404
    assert office.post(f"{national}/people/roles/{role.id}/removal").status_code == 404
    assert office.post(f"{national}/tokens/{token.id}/revocation").status_code == 404
    assert "Sam Stranger" not in office.get(f"{national}/people/").text


@pytest.mark.case("A3")
def test_fields_that_are_not_in_the_form_change_nothing(office, national, admin, organization):
    office.post(
        "/account/profile",
        data={
            "name": "Nora",
            "email": "boss@example.org",
            "password_hash": "x",
            "kind": "program",
            "id": "0",
        },
    )
    office.post(
        f"{national}/people/invitations/",
        data={"email": "x@example.org", "role": "member", "member_id": "1", "organization_id": "2"},
    )

    db.session.refresh(admin)
    assert (admin.name, admin.kind) == ("Nora", "person")
    assert admin.email != "boss@example.org"
    assert db.session.scalars(select(Invitation)).all() == []


class TestTokens:
    def test_a_token_is_shown_once_and_kept_as_a_fingerprint(self, office, national, chapter):
        made = office.post(
            f"{national}/tokens/", data={"name": "Exports", "role": "treasurer", "chapter": str(chapter.id)}
        )

        text = made.text[made.text.index("duesbook_") :][:75]
        program = tokens.authenticate(text)
        assert program is not None and program.role.chapter_id == chapter.id
        page = office.get(f"{national}/tokens/").text
        assert "Exports" in page and text not in page
        assert text not in str(db.session.scalars(select(ApiToken)).one().__dict__)

    def test_a_revoked_token_opens_nothing(self, office, national, admin):
        with transaction():
            token, text = tokens.create("Exports", RoleName.AUDITOR, by=admin)

        assert office.post(f"{national}/tokens/{token.id}/revocation").status_code == 303

        db.session.rollback()
        assert tokens.authenticate(text) is None

    def test_a_token_without_its_chapter_is_refused(self, office, national):
        answer = office.post(f"{national}/tokens/", data={"name": "x", "role": "treasurer", "chapter": ""})

        assert answer.status_code == 422
        assert db.session.scalars(select(ApiToken)).all() == []


class TestAuditTrail:
    @pytest.fixture
    def happened(self, organization, admin, chapter):
        ruth = factories.make_login("Ruth Lee")
        with transaction():
            record("chapter_renamed", chapter, by=admin, before={"name": "Alfa"}, after={"name": "Alpha"})
            record("chapter_closed", chapter, by=ruth, reason="=cmd()")
            record("billed", organization, by=None, after={"members": 12})

    def actions(self, office, national, query="") -> list[str]:
        found = rows_of(office.get(f"{national}/audit-trail/?format=csv&{query}"))
        return [row["action"] for row in found]

    def test_it_shows_what_was_there_before_and_after(self, office, national, happened):
        page = office.get(f"{national}/audit-trail/").text

        assert "Chapter renamed" in page
        assert "<del>Alfa</del> → <ins>Alpha</ins>" in page
        assert "Duesbook" in page

    def test_it_is_filtered_by_person_action_kind_subject_and_day(
        self, office, national, happened, chapter, organization
    ):
        today = organization.today.isoformat()
        assert self.actions(office, national) == ["billed", "chapter_closed", "chapter_renamed"]
        assert self.actions(office, national, "person=ruth") == ["chapter_closed"]
        assert self.actions(office, national, "action=chapter ren") == ["chapter_renamed"]
        assert self.actions(office, national, "kind=organizations") == ["billed"]
        assert len(self.actions(office, national, f"subject={chapter.id}")) == 2
        assert len(self.actions(office, national, f"since={today}&until={today}")) == 3
        assert self.actions(office, national, "until=2020-01-01") == []

    def test_odd_filters_find_nothing_or_everything_but_never_fail(self, office, national, happened):
        for query in (
            "subject=x",
            "since=yesterday",
            "after=1",
            "kind=%27",
            "person=%25",
            "role=boss",
        ):
            assert office.get(f"{national}/audit-trail/?{query}").status_code == 200
        assert office.get(f"{national}/audit-trail/?q=%00").status_code == 400

    @pytest.mark.case("A15")
    def test_a_formula_in_a_reason_is_exported_as_text(self, office, national, happened):
        rows = rows_of(office.get(f"{national}/audit-trail/?format=csv&person=ruth"))

        assert rows[0]["reason"] == "'=cmd()"

    def test_it_pages_from_the_latest_to_the_first(self, office, national, organization, admin):
        with transaction():
            for number in range(55):
                record(f"step_{number:02}", organization, by=admin)

        first = office.get(f"{national}/audit-trail/").text
        after = first[first.index("after=") + 6 :][:36]
        rest = office.get(f"{national}/audit-trail/?after={after}").text

        assert "Step 54" in first and "Step 05" in first and "Step 04" not in first
        assert "Step 04" in rest and "Step 00" in rest and "Step 05" not in rest

    def test_another_organizations_trail_is_not_in_it(self, office, national, happened):
        other = factories.make_organization("Other Union")
        with factories.tenancy.acting_for(other.id), transaction():
            record("secret_deed", other, by=None)

        assert "secret_deed" not in self.actions(office, national)
