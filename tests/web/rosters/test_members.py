"""Members in the browser of those who may: listed, added, changed by hand."""

from typing import Any

import pytest

from tests import factories
from tests.web import reading
from tests.web.rosters.steps import a_member, fields_of, fresh, send_file
from webapp.core.db import db, transaction
from webapp.domain.organizations import (
    Chapter,
    Login,
    MemberStatus,
    Organization,
    RoleName,
    RosterImport,
    roster_import,
)


def test_a_treasurer_does_not_find_the_imports_and_members_of_others(
    client: Any, treasurer: Login, home: str, alpha: Chapter
) -> None:
    beta = factories.make_chapter("BET", "Beta Chapter")
    theirs = a_member(beta)
    with transaction():
        foreign = roster_import.upload("x.csv", b"a,b\n1,2\n", by=None)
    for path in (f"imports/{foreign.id}/", f"members/{theirs.id}/", f"members/{theirs.id}/edit"):
        assert client.get(f"{home}/chapters/ALP/{path}").status_code == 404
    assert client.post(f"{home}/chapters/ALP/members/{theirs.id}/", data={}).status_code == 404
    assert theirs.name not in client.get(f"{home}/chapters/ALP/members/").text


def test_the_list_filters_sorts_and_pages_through_its_address(
    client: Any, admin: Login, home: str, alpha: Chapter
) -> None:
    for number in range(60):
        a_member(alpha, number=f"A{number:03d}", last_name=f"Name{number:03d}")
    first = client.get(f"{home}/national/members/")
    assert "Name000" in first.text and "Name049" in first.text and "Name050" not in first.text
    after = first.text.split("after=")[1].split('"')[0]
    second = client.get(f"{home}/national/members/?after={after}")
    assert "Name050" in second.text and "Name049" not in second.text
    falling = client.get(f"{home}/national/members/?sort=-number")
    assert "Name059" in falling.text and "Name000" not in falling.text
    found = client.get(f"{home}/national/members/?q=name007")
    assert "Name007" in found.text and "Name008" not in found.text
    assert "No members match" in client.get(f"{home}/national/members/?q=nobody").text
    part = client.get(f"{home}/national/members/?q=name007", headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith('<section id="list"')


@pytest.mark.case("K36")
@pytest.mark.case("A15")
def test_the_list_as_csv_is_safe_for_spreadsheets_and_imports_again_unchanged(
    client: Any, admin: Login, home: str, alpha: Chapter, jobs: Any, organization: Organization
) -> None:
    a_member(alpha, number="M4", first_name='=HYPERLINK("x")', phone="+1-555-0100", email="m@example.org")
    file = client.get(f"{home}/national/members/?format=csv")
    assert "'=HYPERLINK" in file.text and "'+1-555-0100" in file.text

    page = send_file(client, f"{home}/national/imports/", file.data)
    import_ = RosterImport.here().first()
    client.post(f"{home}/national/imports/{import_.id}/matching", data=fields_of(page.text))
    assert fresh(import_).counts == {"unchanged": 1}


@pytest.mark.case("K15")
def test_a_share_is_typed_as_the_country_writes_it(
    client: Any, admin: Login, home: str, alpha: Chapter, organization: Organization
) -> None:
    with transaction():
        db.session.get_one(Organization, organization.id).locale = "de_DE"
    found = a_member(alpha)
    page = client.get(f"{home}/national/members/{found.id}/edit").text
    form = {"number": found.number, "last_name": "X", "chapter_id": alpha.id, "status_id": found.status_id}
    assert "Ownership share" in page
    answer = client.post(f"{home}/national/members/{found.id}/", data=form | {"ownership_share": "1,5625"})
    assert answer.status_code == 303, answer.text
    assert str(fresh(found).ownership_share) == "1.562500"
    assert "1,5625 %" in client.get(f"{home}/national/members/{found.id}/").text


def test_what_is_changed_by_hand_is_marked_and_a_stale_form_saves_nothing(
    client: Any, admin: Login, home: str, alpha: Chapter
) -> None:
    found = a_member(alpha)
    page = client.get(f"{home}/national/members/{found.id}/edit").text
    seen = reading.filled(page, lambda form: form.find(".//input[@name='seen']") is not None)["seen"]
    form = {
        "number": found.number,
        "first_name": found.first_name,
        "last_name": found.last_name,
        "email": "new@example.org",
        "chapter_id": alpha.id,
        "status_id": found.status_id,
        "joined_on": "2025-09-01",
        "seen": seen,
    }
    assert client.post(f"{home}/national/members/{found.id}/", data=form).status_code == 303
    assert fresh(found).changed_by_hand == ["email"]
    assert "Changed by hand" in client.get(f"{home}/national/members/{found.id}/").text
    stale = client.post(f"{home}/national/members/{found.id}/", data=form | {"email": "other@example.org"})
    assert stale.status_code == 409
    assert fresh(found).email == "new@example.org"


def test_a_member_is_added_once_however_often_the_button_is_pressed(
    client: Any, admin: Login, home: str, alpha: Chapter
) -> None:
    status = MemberStatus.here().first()
    form = {"number": "N1", "last_name": "Lee", "chapter_id": alpha.id, "status_id": status.id}
    form |= {"pledge_class": "Fall 2026", "form_key": "abc"}
    answers = [client.post(f"{home}/national/members/", data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    again = client.post(f"{home}/national/members/", data=form | {"form_key": "other"})
    assert again.status_code == 422 and "Another member has this number." in again.text
    missing = client.post(f"{home}/national/members/", data={"number": ""})
    assert missing.status_code == 422 and "Enter a name." in missing.text


def test_an_auditor_looks_and_changes_nothing(client: Any, home: str, sign_in: Any, alpha: Chapter) -> None:
    login = factories.make_login()
    factories.make_role(login, RoleName.AUDITOR)
    sign_in(client, login)
    for path in ("members/", "chapters/", "statuses/", "imports/", "settings/organization/"):
        assert client.get(f"{home}/national/{path}").status_code == 200
        if path != "members/":
            assert client.post(f"{home}/national/{path}", data={}).status_code == 403


def test_a_stranger_finds_nothing(client: Any, home: str, sign_in: Any, alpha: Chapter) -> None:
    found = a_member(alpha)
    sign_in(client, factories.make_login())
    for path in ("members/", f"members/{found.id}/", "chapters/", "imports/", "settings/organization/"):
        assert client.get(f"{home}/national/{path}").status_code == 404
