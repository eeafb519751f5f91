"""Files made badly or meant to do harm: one clear sentence each, and nothing half stored."""

import csv
import io
import zipfile
from typing import Any

import pytest

from webapp.core.db import transaction
from webapp.domain.organizations import (
    Chapter,
    Member,
    Organization,
    RosterImport,
    RosterImportRow,
    member,
    roster_file,
    roster_import,
)
from webapp.domain.organizations.roster_file import Unreadable
from webapp.web.lists import csv_lines

HEADER = "member_number,first_name,last_name,email,chapter_code,status\n"
ROW = "N1,Ana,Núñez,,ALP,undergraduate\n"


@pytest.fixture
def home(organization: Organization) -> Organization:
    with transaction():
        member.open_default_statuses()
    return organization


def _zip() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("xl/workbook.xml", "<workbook/>")
    return archive.getvalue()


@pytest.mark.case("A14")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (_zip(), "This is an Excel workbook or a ZIP archive, not a CSV file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "This is an old Excel workbook"),
        (b"%PDF-1.7\n1 0 obj", "This is a PDF document"),
        (b"\x1f\x8b\x08\x00abc", "This is a compressed file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "This is a picture"),
        (b"\n <svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "This is a web page or XML"),
        (b"\xef\xbb\xbf<!DOCTYPE html><table><tr><td>a</td></tr></table>", "This is a web page or XML"),
        ((HEADER + ROW).encode("utf-16-le"), "Much of the file is null bytes"),
        (b"\xff\xfe" + (HEADER + ROW).encode("utf-16-le")[:-1], "UTF-16 and is damaged"),
        (bytes(5_000), "The file is empty"),
    ],
)
def test_a_file_that_only_says_it_is_csv_is_refused_by_what_it_is(
    home: Organization, content: bytes, sentence: str
) -> None:
    with pytest.raises(Unreadable, match=sentence), transaction():
        roster_import.upload("roster.csv", content, by=None)
    assert RosterImport.here().first() is None


@pytest.mark.case("A22")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (HEADER.encode() + b"x" * roster_file.MOST_BYTES, "larger than 10 MB"),
        (HEADER.encode() + b"N1," + b"x" * 1_000_000, "A cell that begins in line 2 has more than 131,072"),
        (b"x" * 1_000_000, "A cell that begins in line 1 has more than 131,072"),
        (b"a," * 10_000 + b"\n1\n", "has 10,001 columns. At most 200 can be read."),
        (HEADER.encode() + b"N1\n" * 200_001, "more than 200,000 rows"),
        (HEADER.encode() + b'N1,"' + b"x\n" * 100_000, "Perhaps a quotation mark there is never closed"),
    ],
)
def test_a_file_beyond_every_measure_is_refused_before_it_costs_anything(
    home: Organization, content: bytes, sentence: str
) -> None:
    with pytest.raises(Unreadable, match=sentence), transaction():
        roster_import.upload("roster.csv", content, by=None)
    assert RosterImport.here().first() is None


@pytest.mark.parametrize(
    "content",
    [
        ("\ufeff\ufeff" + HEADER + ROW).encode(),
        ("\ufeff" + HEADER + ROW).encode("utf-16-le"),
        (HEADER + ROW).encode("utf-16"),
        (HEADER.replace("\n", "\r") + "\r\n" + ROW).encode(),
        (HEADER.replace("\n", "\r\n") + "\ufeff" + ROW).encode(),
        (HEADER + "\n\n  ,,\r\n" + ROW + "\r\r").encode(),
        (HEADER + ROW).replace(",", ";").encode(),
    ],
)
def test_marks_encodings_and_line_ends_of_other_programs_are_read_alike(
    home: Organization, content: bytes
) -> None:
    file = roster_file.read(content)
    assert file.headings[0] == "member_number"
    assert [line.cells for line in file.lines()] == [("N1", "Ana", "Núñez", "", "ALP", "undergraduate")]


@pytest.mark.case("A14")
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ana\\roster.csv", "roster.csv"),
        ("ro\x00s\nter\u202e.csv", "roster.csv"),
        ("..", "roster.csv"),
        ("a" * 500 + ".csv", "a" * 200),
    ],
)
def test_a_file_name_is_a_name_and_no_path(home: Organization, sent: str, kept: str) -> None:
    with transaction():
        assert roster_import.upload(sent, (HEADER + ROW).encode(), by=None).file_name == kept


@pytest.mark.case("A14")
@pytest.mark.parametrize("name", ["roster.exe", "roster.csv.html", "roster.XLSX", "../a.csv/roster.svg"])
def test_a_name_that_says_it_is_something_else_is_refused(home: Organization, name: str) -> None:
    with pytest.raises(Unreadable, match=r"ends in \.csv or \.txt"), transaction():
        roster_import.upload(name, (HEADER + ROW).encode(), by=None)


@pytest.mark.parametrize("name", ["roster", "roster.csv", "ROSTER.CSV", "roster.txt", "roster 21.11.2026"])
def test_a_name_that_says_nothing_else_is_taken(home: Organization, name: str) -> None:
    with transaction():
        assert roster_import.upload(name, (HEADER + ROW).encode(), by=None).file_name == name


@pytest.mark.case("A15")
@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "＝1+1"])
def test_a_formula_comes_back_harmless_and_as_it_was(home: Organization, jobs: Any, formula: str) -> None:
    cells = io.StringIO()
    csv.writer(cells).writerow(["", formula, "Berg", "", "ALP", "undergraduate"])
    with transaction():
        first = roster_import.upload("f.csv", (HEADER + cells.getvalue()).encode(), by=None)
        roster_import.check(first, home)
    header, *rows = roster_import.refused_rows(first)
    sent_back = "".join(csv_lines(header, rows))
    assert f"'{formula}" in sent_back

    corrected = sent_back.replace("\r\n,", "\r\nN7,", 1)
    with transaction():
        second = roster_import.upload("f.csv", corrected.encode(), by=None)
        roster_import.start(second, by=None, unseen=True)
    jobs.run_all()
    found = Member.here().first(Member.number == "N7")
    assert found is not None and found.first_name == formula


def test_null_bytes_and_invisible_characters_refuse_their_row_alone(home: Organization) -> None:
    bad = "N1,A\0na,X,,ALP,undergraduate\nN2,Bo\u202e,Y,,ALP,undergraduate\n"
    text = HEADER + bad + ROW.replace("N1", "N3")
    with transaction():
        uploaded = roster_import.upload("f.csv", text.encode(), by=None)
        roster_import.check(uploaded, home)
    assert uploaded.counts["refused"] == 2 and uploaded.counts["created"] == 1
    rows = RosterImportRow.here().all(RosterImportRow.import_id == uploaded.id, order_by=RosterImportRow.line)
    assert rows[0].values[1] == "A\u2400na"
    assert Chapter.here().first() is None


def test_a_long_file_is_checked_by_a_worker(
    home: Organization, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster_import, "CHECKED_AT_ONCE", 1)
    with transaction():
        uploaded = roster_import.upload("f.csv", (HEADER + ROW + ROW.replace("N1", "N2")).encode(), by=None)
        roster_import.check(uploaded, home)
    assert uploaded.state.value == "checking"
    jobs.run_all()
    found = RosterImport.here().get(uploaded.id, lock=True)
    assert (found.state.value, found.counts["created"], found.done_rows) == ("checked", 2, 2)
    assert Member.here().first() is None
