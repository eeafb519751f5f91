"""A roster in the browser: sent, its columns matched, checked, brought in."""

from typing import Any

import pytest

from tests.web.rosters.steps import ROSTERS, fields_of, fresh, send_file
from webapp.domain.organizations import ImportState, Login, Member, RosterImport, roster_import


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
