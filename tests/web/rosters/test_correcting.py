"""Rows that were refused, corrected in the browser."""

from typing import Any

import pytest

from tests.web import reading
from tests.web.rosters.steps import fields_of, send_file
from webapp.domain.organizations import Chapter, Login, RosterImport

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
