"""The five rosters, in the shapes that real exports have."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests import factories
from webapp.core.db import db, transaction
from webapp.domain.billing.assessing import Omission
from webapp.domain.billing.invoice import Invoice
from webapp.domain.organizations import (
    Chapter,
    ColumnMapping,
    ImportState,
    Member,
    MemberStatus,
    Organization,
    PledgeClass,
    RosterImport,
    RosterImportRow,
    RowOutcome,
    member,
    roster_import,
    roster_intake,
)
from webapp.domain.organizations.roster_columns import ColumnPlan
from webapp.domain.organizations.roster_file import Unreadable

ROSTERS = Path(__file__).parents[2] / "data" / "rosters"
Change = Callable[[ColumnPlan], ColumnPlan]


@pytest.fixture
def fresh(organization: Organization) -> Organization:
    with transaction():
        member.open_default_statuses()
    return organization


def checked(
    organization: Organization, content: bytes | str, change: Change = lambda plan: plan, **how: Any
) -> RosterImport:
    if isinstance(content, str):
        content = (ROSTERS / content).read_bytes() if content.endswith(".csv") else content.encode()
    with transaction():
        uploaded = roster_import.upload("roster.csv", content, by=None, **how)
        roster_import.use(uploaded, change(uploaded.plan))
        roster_import.check(uploaded, organization)
    return uploaded


def brought_in(
    organization: Organization,
    jobs: Any,
    content: bytes | str,
    change: Change = lambda plan: plan,
    **how: Any,
) -> RosterImport:
    uploaded = checked(organization, content, change, **how)
    with transaction():
        roster_import.start(uploaded, by=None)
    jobs.run_all()
    db.session.refresh(uploaded)
    assert uploaded.state is ImportState.DONE, uploaded.error
    assert uploaded.done_rows == uploaded.total_rows
    return uploaded


def refusals(uploaded: RosterImport) -> dict[int, list[str]]:
    rows = RosterImportRow.here().all(
        RosterImportRow.import_id == uploaded.id, RosterImportRow.outcome == RowOutcome.REFUSED
    )
    return {row.line: [f"{item['column']}: {item['reason']}" for item in row.reasons] for row in rows}


def number(text: str) -> Member:
    found = Member.here().first(Member.number == text)
    assert found is not None
    db.session.refresh(found)
    return found


def count(kind: Any, *conditions: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(kind).where(*conditions)) or 0


def test_the_whole_fraternity_comes_in_and_a_second_time_changes_nothing(
    fresh: Organization, jobs: Any
) -> None:
    first = brought_in(fresh, jobs, "fraternity.csv")
    second = brought_in(fresh, jobs, "fraternity.csv")

    assert first.counts["created"] == 1357 and "refused" not in first.counts
    assert second.counts == {"unchanged": 1357}
    assert count(Member) == 1357
    assert count(Chapter) == 24
    assert Chapter.here().first(Chapter.code == "ALP").name == "Alpha Chapter, Ohio State"
    assert number("PX00004").name == "鹏 李"


def test_members_who_left_come_in_with_their_last_day_and_are_not_billed(
    fresh: Organization, jobs: Any
) -> None:
    brought_in(fresh, jobs, "fraternity.csv")

    by_status = dict(
        db.session.execute(
            select(MemberStatus.code, func.count())
            .join(Member, Member.status_id == MemberStatus.id)
            .group_by(MemberStatus.code)
        ).all()
    )
    assert by_status == {
        "undergraduate": 858,
        "alumnus": 267,
        "new_member": 129,
        "inactive": 57,
        "associate": 46,
    }
    inactive = MemberStatus.here().first(MemberStatus.code == "inactive")
    assert not inactive.billable
    assert count(Member, Member.status_id == inactive.id, Member.left_on.is_not(None)) == 57
    assert count(Member, Member.left_on < Member.joined_on) == 21


@pytest.mark.case("K34")
def test_the_whole_fraternity_is_billed_each_billable_member_once(fresh: Organization, jobs: Any) -> None:
    brought_in(fresh, jobs, "fraternity.csv")
    rates = {"undergraduate": 40_000, "new_member": 27_500, "associate": 15_000}
    with transaction():
        MemberStatus.here().first(MemberStatus.code == "alumnus").billable = False
    for code, amount in rates.items():
        factories.make_rate(MemberStatus.here().first(MemberStatus.code == code), amount)

    done = factories.bill(factories.make_period(), dated=date(2026, 11, 21), members_per_batch=400)

    invoices = Invoice.here().all(order_by=Invoice.sequence)
    assert len({one.member_id for one in invoices}) == len(invoices) == 858 + 129 + 46
    assert [one.number for one in invoices] == [f"2026-{number:06d}" for number in range(1, 1034)]
    total = 858 * 40_000 + 129 * 27_500 + 46 * 15_000
    assert sum(one.billed for one in invoices) == done.progress().total == total
    assert done.omissions() == {Omission.STATUS_NOT_BILLABLE: 267, Omission.LEFT: 57}


def test_pledge_classes_belong_to_their_chapters(fresh: Organization, jobs: Any) -> None:
    brought_in(fresh, jobs, "fraternity.csv")
    williams = number("PX00001")
    pledge_class = PledgeClass.here().get(williams.pledge_class_id)
    assert (pledge_class.name, pledge_class.chapter_id) == ("Spring 1984", williams.chapter_id)


def test_a_check_writes_no_members_chapters_or_statuses(fresh: Organization) -> None:
    uploaded = checked(fresh, "fraternity.csv")
    assert uploaded.state is ImportState.CHECKED
    assert uploaded.counts["created"] == 1357 and uploaded.counts["chapters"] == 24
    assert count(Member) == count(Chapter) == count(PledgeClass) == 0


def test_the_union_comes_in_through_a_mapping_that_is_kept(fresh: Organization, jobs: Any) -> None:
    first = brought_in(fresh, jobs, "union.csv")
    second = brought_in(fresh, jobs, "union.csv")

    assert first.counts["created"] == 1500 and "refused" not in first.counts
    assert second.counts == {"unchanged": 1500}
    assert count(ColumnMapping) == 1
    assert count(Member, Member.email.is_(None)) == 198
    assert count(Member, Member.payroll_deduction) == 488
    cole = number("46004")
    assert (cole.first_name, cole.last_name, cole.joined_on) == ("Melissa", "Cole", date(2006, 12, 3))
    assert cole.more == {"Employer": "self"}
    assert Chapter.here().first(Chapter.code == "46").name == "Local 46"
    honorary = MemberStatus.here().first(MemberStatus.code == "honorary")
    assert not honorary.billable


def test_homeowners_keep_their_share_and_owners_of_one_unit_stay_together(
    fresh: Organization, jobs: Any
) -> None:
    first = brought_in(fresh, jobs, "homeowners.csv")
    second = brought_in(fresh, jobs, "homeowners.csv")

    assert first.counts["created"] == 142 and "refused" not in first.counts
    assert second.counts == {"unchanged": 142}
    assert number("M-101").ownership_share == Decimal("1.5625")
    assert number("M-101").joined_on == date(2008, 2, 26)
    assert count(Member, Member.last_name == "Wenzel & Reiner Hering", Member.first_name == "") == 1
    assert {chapter.code for chapter in Chapter.here().all()} == {"MAPLE COURT", "BIRCH COURT", "GARAGE"}
    assert MemberStatus.here().first(MemberStatus.code == "owner").billable


def test_of_the_messy_file_the_good_rows_come_in_and_each_bad_one_says_why(
    fresh: Organization, jobs: Any
) -> None:
    uploaded = brought_in(fresh, jobs, "messy.csv")

    members = {member.number for member in Member.here().all()}
    assert members == {"M1", "M2", "M4", "M5", "M7", "M12", "M13"}
    assert refusals(uploaded) == {
        3: ["member_number: Line 2 has the same member number, M1."],
        5: ["joined_on: “1999-02-30” is not a day in the calendar."],
        8: ["first_name: The first name is missing."],
        10: ["email: “not-an-address” is not an e-mail address."],
        11: [
            "status: “wizard” is not a status of this organization"
            " (Alumnus, Associate, Inactive, New member, Undergraduate)."
        ],
        12: ["chapter_code: The chapter is missing."],
        13: ["joined_on: “2031-01-01” is more than a year in the future."],
        14: ["member_number: The member number is missing."],
        17: ["email: Line 2 has the same address, ana@example.org, for somebody else."],
        18: [": This line has 3 columns, fewer than the 8 headings."],
        19: [": This line has 10 columns, more than the 8 headings."],
        20: ["last_name: This is 400 characters long; at most 120 fit."],
        21: ["first_name: This cell contains a null byte, which no text has."],
        22: [
            "joined_on: “01/09/2025” can mean two days, and no other date in this column tells which."
            " Write it like 2026-09-01, or choose the order."
        ],
    }
    assert uploaded.counts["created"] + uploaded.counts["refused"] == uploaded.total_rows == 21
    assert number("M2").name == "Björk Guðmundsdóttir"
    assert number("M2").chapter_id == number("M1").chapter_id
    assert number("M13").name == "李 小龍"


def test_the_messy_file_a_second_time_changes_nothing(fresh: Organization, jobs: Any) -> None:
    brought_in(fresh, jobs, "messy.csv")
    before = [(member.number, member.facts) for member in Member.here().all(order_by=Member.number)]
    again = brought_in(fresh, jobs, "messy.csv")

    assert again.counts == {"unchanged": 7, "refused": 14}
    db.session.expire_all()
    assert before == [(member.number, member.facts) for member in Member.here().all(order_by=Member.number)]


@pytest.mark.case("K36")
def test_a_formula_or_a_script_in_a_name_stays_what_it_is_text(fresh: Organization, jobs: Any) -> None:
    brought_in(fresh, jobs, "messy.csv")
    assert number("M4").first_name == '=HYPERLINK("http://evil.example","x")'
    assert number("M5").last_name == "<script>alert(1)</script>"


def test_a_western_file_that_is_not_utf_8_is_read_rightly_and_says_so(fresh: Organization, jobs: Any) -> None:
    uploaded = brought_in(fresh, jobs, "latin1.csv")
    assert uploaded.encoding == "Windows-1252"
    assert {member.name for member in Member.here().all()} == {"José Muñoz", "Søren Ångström"}
    assert "Windows-1252" in uploaded.file().notice


@pytest.mark.case("K35")
def test_a_field_changed_by_hand_survives_the_next_import(fresh: Organization, jobs: Any) -> None:
    brought_in(fresh, jobs, "latin1.csv")
    with transaction():
        number("L1").correct({"email": "jose.munoz@example.org"}, by=None)

    uploaded = checked(fresh, "latin1.csv")
    row = RosterImportRow.here().first(RosterImportRow.import_id == uploaded.id)
    assert row.changes["Email"] == {
        "before": "jose.munoz@example.org",
        "after": "jose@example.org",
        "kept": True,
    }
    brought_in(fresh, jobs, "latin1.csv")
    assert number("L1").email == "jose.munoz@example.org"

    brought_in(fresh, jobs, "latin1.csv", lambda plan: replace(plan, overwrite=True))
    assert number("L1").email == "jose@example.org"
    assert number("L1").changed_by_hand == []


HEADER = "member_number,first_name,last_name,email,chapter_code,status,joined_on\n"


def row(number: str = "N1", **changes: str) -> str:
    cells = {
        "first": "Ana",
        "last": "Núñez",
        "email": "",
        "chapter": "ALP",
        "status": "undergraduate",
        "joined": "2025-09-01",
    } | changes
    return ",".join([number, *cells.values()]) + "\n"


def test_an_empty_cell_changes_nothing(fresh: Organization, jobs: Any) -> None:
    brought_in(fresh, jobs, HEADER + row(email="ana@example.org"))
    again = brought_in(fresh, jobs, HEADER + row())
    assert again.counts == {"unchanged": 1}
    assert number("N1").email == "ana@example.org"


def test_an_update_shows_what_was_there_before(fresh: Organization, jobs: Any) -> None:
    brought_in(fresh, jobs, HEADER + row())
    again = brought_in(fresh, jobs, HEADER + row(status="alumnus", chapter="BET"))
    assert again.counts == {"updated": 1, "chapters": 1}
    change = RosterImportRow.here().first(RosterImportRow.import_id == again.id).changes
    assert change["Status"] == {"before": "Undergraduate", "after": "Alumnus", "kept": False}


def test_two_owners_of_one_name_may_share_an_address(fresh: Organization, jobs: Any) -> None:
    text = HEADER + row("N1", email="ana@example.org") + row("N2", email="ana@example.org")
    assert brought_in(fresh, jobs, text).counts["created"] == 2


def test_members_may_swap_addresses_in_one_file(fresh: Organization, jobs: Any) -> None:
    brought_in(fresh, jobs, HEADER + row("N1", email="a@x.org") + row("N2", first="Bo", email="b@x.org"))
    text = HEADER + row("N1", email="b@x.org") + row("N2", first="Bo", email="a@x.org")
    assert brought_in(fresh, jobs, text).counts == {"updated": 2}


def test_a_treasurer_imports_for_the_own_chapter_only(fresh: Organization, jobs: Any) -> None:
    brought_in(fresh, jobs, HEADER + row("B1", chapter="BET"))
    alpha = factories.make_chapter("ALP")
    text = HEADER + row("N1") + row("N2", chapter="GAM", first="Bo") + row("B1")
    uploaded = brought_in(fresh, jobs, text, chapter=alpha)
    assert uploaded.counts == {"created": 1, "refused": 2}
    assert refusals(uploaded) == {
        3: ["chapter_code: “GAM” is another chapter; you import for ALP."],
        4: ["member_number: The member with this number belongs to another chapter."],
    }


def test_a_job_that_runs_twice_brings_everybody_in_once(fresh: Organization, jobs: Any) -> None:
    from webapp.workers import organizations

    uploaded = brought_in(fresh, jobs, "fraternity.csv")
    organizations.import_roster(uploaded.id)
    assert count(Member) == 1357


def test_an_import_that_was_cut_off_goes_on_where_it_stopped(
    fresh: Organization, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster_intake, "STRETCH", 500)
    uploaded = checked(fresh, "fraternity.csv")
    with transaction():
        roster_import.start(uploaded, by=None)
        intake = roster_intake.Intake(uploaded, fresh)
    with transaction():
        assert intake.go_on()
    db.session.refresh(uploaded)
    assert uploaded.done_rows == 500

    jobs.run_all()
    db.session.refresh(uploaded)
    assert uploaded.state is ImportState.DONE
    assert uploaded.counts["created"] == count(Member) == 1357


def test_refused_rows_can_be_corrected_and_imported_again(fresh: Organization, jobs: Any) -> None:
    uploaded = brought_in(fresh, jobs, "messy.csv")
    lines = [",".join(cells) for cells in roster_import.refused_rows(uploaded)]
    header, five = lines[0], next(line for line in lines if line.startswith("M3,"))
    corrected = five.replace("1999-02-30", "1999-02-28").replace('"', "")
    again = brought_in(fresh, jobs, f"{header}\n{corrected}\n")
    assert again.counts == {"created": 1}
    assert number("M3").joined_on == date(1999, 2, 28)
    assert number("M3").more == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"a,b\n", "The file has headings and no rows below them."),
        ("naam,é\nПривет,1\n".encode("cp1251", "replace"), "not plausibly Windows-1252"),
        ("name\nJosé\n".encode("mac_roman"), "not plausibly Windows-1252"),
        ("name\nłódź\n".encode("cp1250"), "not plausibly Windows-1252"),
        ("name\nJosé\n".encode() + "Muñoz".encode("latin-1"), "mixes UTF-8 with another encoding"),
        (b'a,b\n1,"x\n2,y\n3,z\n', "A quotation mark opened in line 2 is never closed."),
    ],
)
def test_a_file_that_cannot_be_read_with_certainty_is_refused_with_a_sentence(
    fresh: Organization, content: bytes, sentence: str
) -> None:
    with pytest.raises(Unreadable, match=sentence), transaction():
        roster_import.upload("x.csv", content, by=None)
    assert Counter(RosterImport.here().all()) == {}


def test_line_numbers_are_those_of_an_editor_also_after_a_name_of_two_lines(
    fresh: Organization, jobs: Any
) -> None:
    text = HEADER + row("N1", first='"Ana\nMaria"') + "\n" + row("", last="Nobody")
    assert list(refusals(checked(fresh, text))) == [5]
