"""Members, their import and the organization's settings, in the browser of those who may."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests import factories
from tests.web import reading
from webapp.core.db import db, transaction
from webapp.domain.organizations import (
    Chapter,
    ImportState,
    Login,
    Member,
    MemberStatus,
    Organization,
    RoleName,
    RosterImport,
    member,
    roster_import,
)

ROSTERS = Path(__file__).parents[1] / "data" / "rosters"


@pytest.fixture
def home(organization: Organization) -> str:
    with transaction():
        member.open_default_statuses()
    return f"/o/{organization.slug}"


@pytest.fixture
def admin(home: str, client: Any, sign_in: Any) -> Login:
    login = factories.make_admin()
    sign_in(client, login)
    return login


@pytest.fixture
def alpha(home: str) -> Chapter:
    return factories.make_chapter("ALP", "Alpha Chapter")


@pytest.fixture
def treasurer(alpha: Chapter, client: Any, sign_in: Any) -> Login:
    login = factories.make_login()
    factories.make_role(login, RoleName.TREASURER, chapter=alpha)
    sign_in(client, login)
    return login


def a_member(chapter: Chapter, **changes: Any) -> Member:
    status = MemberStatus.here().first(MemberStatus.code == "undergraduate")
    return factories.make_member(chapter, status, **changes)


def send_file(client: Any, address: str, content: bytes, name: str = "roster.csv") -> Any:
    return client.post(address, data={"file": (io.BytesIO(content), name)}, follow_redirects=True)


def fields_of(text: str) -> dict[str, str]:
    return reading.filled(text, lambda form: form.get("action", "").endswith("/matching"))


def fresh(row: Any) -> Any:
    db.session.refresh(row)
    return row


@pytest.mark.parametrize("name", ["fraternity", "union", "homeowners"])
def test_an_admin_imports_a_roster_from_upload_to_result(
    client: Any, admin: Login, home: str, jobs: Any, name: str
) -> None:
    rows = {"fraternity": 1357, "union": 1500, "homeowners": 142}[name]
    columns = send_file(client, f"{home}/national/imports/", (ROSTERS / f"{name}.csv").read_bytes())
    assert columns.status_code == 200 and "Match the columns" in columns.text
    import_ = RosterImport.here().first()
    address = f"{home}/national/imports/{import_.id}"

    check = client.post(f"{address}/matching", data=fields_of(columns.text), follow_redirects=True)
    assert "This would happen" in check.text and f"Import {rows:,} rows" in check.text
    assert Member.here().first() is None

    running = client.post(f"{address}/start", follow_redirects=True)
    assert f"0 of {rows:,}" in running.text
    jobs.run_all()
    polled = client.get(f"{address}/", headers={"HX-Request": "true", "HX-Target": "import"})
    assert polled.headers["HX-Redirect"] == f"{address}/"
    done = client.get(f"{address}/")
    assert "Imported" in done.text and f"{rows:,}" in done.text
    assert fresh(import_).state is ImportState.DONE
    assert client.post(f"{address}/start").status_code == 409


def test_the_saved_mapping_is_offered_for_the_next_file_of_that_shape(
    client: Any, admin: Login, home: str
) -> None:
    content = b"No,Who,Where,What,Note\n1,Ana,ALP,alumnus,x\n"
    first = send_file(client, f"{home}/national/imports/", content)
    chosen = fields_of(first.text) | {
        "column-1": "full_name",
        "column-2": "chapter_code",
        "column-3": "status",
    }
    import_ = RosterImport.here().first()
    client.post(f"{home}/national/imports/{import_.id}/matching", data=chosen)
    second = fields_of(send_file(client, f"{home}/national/imports/", content).text)
    assert [second[f"column-{i}"] for i in range(5)] == [
        "number",
        "full_name",
        "chapter_code",
        "status",
        "more",
    ]


def test_columns_that_do_not_suffice_are_told_in_one_page_with_the_choice_kept(
    client: Any, admin: Login, home: str
) -> None:
    page = send_file(client, f"{home}/national/imports/", b"a,b\n1,2\n")
    import_ = RosterImport.here().first()
    answer = client.post(
        f"{home}/national/imports/{import_.id}/matching", data=fields_of(page.text) | {"column-0": "number"}
    )
    assert answer.status_code == 422
    assert "Say which column holds the name." in answer.text
    assert '<option value="number" selected>' in answer.text


def test_refused_rows_are_shown_and_downloaded_with_their_reasons(
    client: Any, admin: Login, home: str, jobs: Any
) -> None:
    page = send_file(client, f"{home}/national/imports/", (ROSTERS / "messy.csv").read_bytes())
    import_ = RosterImport.here().first()
    address = f"{home}/national/imports/{import_.id}"
    check = client.post(f"{address}/matching", data=fields_of(page.text), follow_redirects=True)
    assert "is not a day in the calendar" in check.text
    assert "<script>alert(1)" not in check.text
    file = client.get(f"{address}/refused.csv")
    assert file.mimetype == "text/csv" and len(file.text.strip().splitlines()) == 15
    assert "Line in the file,Why it was refused" in file.text
    only = client.get(f"{address}/?outcome=refused")
    assert "Refused" in only.text and "Núñez, ana@example.org" not in only.text


def test_a_file_that_cannot_be_read_is_refused_where_it_was_chosen(
    client: Any, admin: Login, home: str
) -> None:
    answer = send_file(client, f"{home}/national/imports/", "name\nłódź\n".encode("cp1250"))
    assert answer.status_code == 422 and "CSV UTF-8" in answer.text
    assert client.post(f"{home}/national/imports/").status_code == 422


def test_a_treasurer_imports_into_the_own_chapter(
    client: Any, treasurer: Login, home: str, jobs: Any
) -> None:
    text = b"member_number,first_name,last_name,status\nN1,Ana,Lee,undergraduate\n"
    page = send_file(client, f"{home}/chapters/ALP/imports/", text)
    import_ = RosterImport.here().first()
    address = f"{home}/chapters/ALP/imports/{import_.id}"
    client.post(f"{address}/matching", data=fields_of(page.text))
    client.post(f"{address}/start")
    jobs.run_all()
    assert Member.here().first(Member.number == "N1") is not None
    assert client.get(f"{home}/national/imports/{import_.id}/").status_code == 403


def test_a_treasurer_does_not_find_the_imports_and_members_of_others(
    client: Any, treasurer: Login, home: str, alpha: Chapter
) -> None:
    beta = factories.make_chapter("BET", "Beta Chapter")
    theirs = a_member(beta)
    with transaction():
        from webapp.domain.organizations import roster_import

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


def test_statuses_are_defined_changed_and_removed(client: Any, admin: Login, home: str) -> None:
    client.post(f"{home}/national/statuses/", data={"label": "Retiree"})
    retiree = MemberStatus.here().first(MemberStatus.code == "retiree")
    assert retiree is not None and not retiree.billable
    client.post(f"{home}/national/statuses/{retiree.id}/", data={"label": "Retired", "billable": "y"})
    assert fresh(retiree).label == "Retired" and retiree.billable
    assert "Retired" in client.get(f"{home}/national/statuses/").text
    assert client.get(f"{home}/national/statuses/{retiree.id}/").status_code == 200
    client.post(f"{home}/national/statuses/{retiree.id}/removal")
    assert MemberStatus.here().first(MemberStatus.code == "retiree") is None
    assert client.post(f"{home}/national/statuses/", data={"label": "Alumnus"}).status_code == 422


def test_chapters_are_founded_changed_and_listed(
    client: Any, admin: Login, home: str, alpha: Chapter
) -> None:
    assert client.get(f"{home}/national/chapters/new").status_code == 200
    client.post(f"{home}/national/chapters/", data={"code": "bet", "name": "Beta", "active": "y"})
    beta = Chapter.here().first(Chapter.code == "BET")
    client.post(f"{home}/national/chapters/{beta.id}/", data={"code": "BET", "name": "Beta, Ohio"})
    assert (fresh(beta).name, beta.active) == ("Beta, Ohio", False)
    assert "Beta, Ohio" in client.get(f"{home}/national/chapters/?q=ohio").text
    assert "ALP,Alpha Chapter,0,yes" in client.get(f"{home}/national/chapters/?format=csv").text
    twice = client.post(f"{home}/national/chapters/", data={"code": "alp", "name": "Again"})
    assert twice.status_code == 422 and "There is a chapter ALP already." in twice.text


def test_the_organization_chooses_its_words_and_letterhead(
    client: Any, admin: Login, home: str, organization: Organization
) -> None:
    page = client.get(f"{home}/national/settings/organization/")
    assert page.status_code == 200 and "America/New_York" in page.text
    form = {
        "name": "Local Unions",
        "timezone": "America/Chicago",
        "locale": "en_US",
        "paper_size": "A4",
        "chapters": "Locals",
        "chapter": "Local",
        "how_to_pay": "By check",
        "sender_name": "",
        "reply_to": "dues@example.org",
    }
    answer = client.post(f"{home}/national/settings/organization/", data=form)
    assert answer.status_code == 303, answer.text
    changed = fresh(organization)
    assert (changed.name, changed.paper_size, changed.words) == (
        "Local Unions",
        "A4",
        {"chapter": "Local", "chapters": "Locals"},
    )
    assert "Locals" in client.get(f"{home}/national/members/").text
    wrong = client.post(f"{home}/national/settings/organization/", data=form | {"timezone": "Nowhere"})
    assert wrong.status_code == 422 and "is not a time zone" in wrong.text


@pytest.mark.case("A14")
def test_a_logo_is_shown_as_the_picture_we_drew(client: Any, admin: Login, home: str) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (1000, 100), "navy").save(drawn, "JPEG")
    address = f"{home}/national/settings/organization/logo"
    client.post(address, data={"logo": (io.BytesIO(drawn.getvalue()), "../../logo.svg")})
    shown = client.get(f"{address}.png")
    assert shown.mimetype == "image/png" and shown.data.startswith(b"\x89PNG")
    refused = client.post(
        address, data={"logo": (io.BytesIO(b"<svg onload='alert(1)'/>"), "logo.png")}, follow_redirects=True
    )
    assert "not a PNG, JPEG, WebP or GIF" in refused.text
    client.post(f"{address}/removal")
    assert client.get(f"{address}.png").status_code == 404


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


def brought_in(client: Any, home: str, jobs: Any) -> RosterImport:
    page = send_file(client, f"{home}/national/imports/", (ROSTERS / "latin1.csv").read_bytes())
    import_ = RosterImport.here().first()
    address = f"{home}/national/imports/{import_.id}"
    client.post(f"{address}/matching", data=fields_of(page.text))
    client.post(f"{address}/start")
    jobs.run_all()
    return fresh(import_)


def test_an_admin_undoes_an_import_after_having_seen_what_that_does(
    client: Any, admin: Login, home: str, jobs: Any
) -> None:
    import_ = brought_in(client, home, jobs)
    address = f"{home}/national/imports/{import_.id}"
    kept = Member.here().first(Member.number == "L1")
    with transaction():
        Member.here().get(kept.id).correct({"phone": "555"}, by=admin)

    seen = client.get(f"{address}/undoing")
    assert "Added by this import; removed" in seen.text and "made inactive" in seen.text
    assert len(Member.here().all()) == 2

    watched = client.post(f"{address}/undoing", follow_redirects=True)
    assert "Undoing the import" in watched.text and "0 of 2" in watched.text
    jobs.run_all()

    done = client.get(f"{address}/")
    assert f"Undone by {admin.name}" in done.text
    told = client.get(f"{address}/not-undone.csv").text.splitlines()
    assert len(told) == 2 and "changed by hand" in told[1] and told[1].startswith("2,L1,")
    assert client.post(f"{address}/undoing").status_code == 409
    listed = client.get(f"{home}/national/imports/")
    assert admin.name in listed.text and "Undone" in listed.text


def test_a_treasurer_finds_no_import_of_others_to_undo(
    client: Any, admin: Login, home: str, jobs: Any, alpha: Chapter, sign_in: Any
) -> None:
    import_ = brought_in(client, home, jobs)
    login = factories.make_login()
    factories.make_role(login, RoleName.TREASURER, chapter=alpha)
    sign_in(client, login)
    address = f"{home}/c/{alpha.code}/imports/{import_.id}/undoing"
    assert client.get(address).status_code == client.post(address).status_code == 404
    assert len(Member.here().all()) == 2


def test_a_long_file_shows_how_far_its_check_is_and_can_be_left(
    client: Any, admin: Login, home: str, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster_import, "CHECKED_AT_ONCE", 1)
    page = send_file(client, f"{home}/national/imports/", (ROSTERS / "latin1.csv").read_bytes())
    import_ = RosterImport.here().first()
    address = f"{home}/national/imports/{import_.id}"
    checking = client.post(f"{address}/matching", data=fields_of(page.text), follow_redirects=True)
    assert "Checking the file" in checking.text and "0 of 2" in checking.text
    assert "See how far it is now" in checking.text
    jobs.run_all()
    assert "This would happen" in client.get(f"{address}/").text


@pytest.mark.case("A22")
def test_a_file_that_is_too_large_is_refused_in_a_sentence(client: Any, admin: Login, home: str) -> None:
    answer = send_file(client, f"{home}/national/imports/", b"a,b\n" + b"1,2\n" * 2_800_000)
    assert answer.status_code == 422 and "larger than 10 MB" in answer.text
    beyond = send_file(client, f"{home}/national/imports/", b"a,b\n" + b"1,2\n" * 4_000_000)
    assert beyond.status_code == 413 and "Send a smaller file." in beyond.text
    assert RosterImport.here().first() is None


REFUSED = (
    "member_number,first_name,last_name,email,chapter_code,status\n"
    "N1,Ana,Núñez,ana@example.org,ALP,undergraduate\n"
    "N2,Bo,Berg,bo-example.org,ALP,undergrad\n"
)


@pytest.mark.parametrize("persona", ["national", "alp"])
def test_refused_rows_are_corrected_on_a_page(
    client: Any, home: str, alpha: Chapter, request: Any, persona: str
) -> None:
    request.getfixturevalue("admin" if persona == "national" else "treasurer")
    imports = f"{home}/national/imports/" if persona == "national" else f"{home}/chapters/ALP/imports/"
    columns = send_file(client, imports, REFUSED.encode())
    address = f"{imports}{RosterImport.here().first().id}"
    check = client.post(f"{address}/matching", data=fields_of(columns.text), follow_redirects=True)
    assert "Correct refused rows…" in check.text

    page = client.get(f"{address}/corrections").text
    typed = reading.filled(page, lambda form: form.get("action", "").endswith("/corrections"))
    assert typed["cell-3-3"] == "bo-example.org" and typed["cell-3-1"] == "Bo"
    unchanged = client.post(f"{address}/corrections", data=typed)
    assert unchanged.status_code == 422 and "Nothing was changed" in unchanged.text

    half = client.post(f"{address}/corrections", data=typed | {"cell-3-3": ""}, follow_redirects=True)
    assert "1 row was corrected." in half.text and "Correct refused rows…" in half.text
    page = client.get(f"{address}/corrections").text
    typed = reading.filled(page, lambda form: form.get("action", "").endswith("/corrections"))
    done = client.post(
        f"{address}/corrections", data=typed | {"cell-3-5": "undergraduate"}, follow_redirects=True
    )
    assert "Import 2 rows" in done.text and "1 row counts as corrected here" in done.text

    client.post(f"{address}/start")
    assert client.get(f"{address}/corrections").status_code == 303
    late = client.post(f"{address}/corrections", data={"line": "3", "cell-3-0": "N2"})
    assert late.status_code == 409 and "Download the refused rows" in late.text


def test_a_line_with_other_columns_counts_only_as_shown_when_somebody_says_so(
    client: Any, admin: Login, alpha: Chapter, home: str
) -> None:
    content = REFUSED.splitlines()[0] + ",address\n" + 'N1,Ana,Núñez,ana@example.org,ALP,"alumnus"\n'
    content += 'N2,Bo,Berg,,ALP,nothing,"1 Elm St\r\nUtica"\n'
    columns = send_file(client, f"{home}/national/imports/", content.encode())
    address = f"{home}/national/imports/{RosterImport.here().first().id}"
    client.post(f"{address}/matching", data=fields_of(columns.text))
    page = client.get(f"{address}/corrections").text
    typed = reading.filled(page, lambda form: form.get("action", "").endswith("/corrections"))
    assert typed["cell-3-6"] == "1 Elm St\nUtica"

    both = typed | {"line": ["2", "3"], "cell-3-6": "1 Elm St\r\nUtica"}
    assert client.post(f"{address}/corrections", data=both).status_code == 422
    client.post(f"{address}/corrections", data=both | {"as-shown-2": "yes"})
    import_ = RosterImport.here().first()
    assert list(import_.corrections) == ["2"] and import_.counts["refused"] == 1
