"""Refused rows are corrected where they stand: what is typed counts, and the file stays as it was sent."""

from collections.abc import Callable

import pytest

from tests import factories
from tests.jobs import JobRunner
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain.organizations import (
    ImportState,
    Member,
    Organization,
    RosterImport,
    RosterImportRow,
    RowOutcome,
    member,
    roster_correcting,
    roster_import,
)

HEADER = "member_number,first_name,last_name,email,chapter_code,status,joined_on\n"
ANA = "N1,Ana,Núñez,ana@example.org,ALP,undergraduate,2025-09-01\n"
BO = "N2,Bo,Berg,bo-example.org,ALP,undergrad,2025-13-01\n"
CY = 'N3,Cy,"Cole" x,,ALP,undergraduate,\n'
DEE = "N4,Dee,Dahl,,ALP\n"
RIGHT = ["N2", "Bo", "Berg", "bo@example.org", "ALP", "undergraduate", "2025-12-01"]


@pytest.fixture
def checked(organization: Organization) -> Callable[[str], RosterImport]:
    with transaction():
        member.open_default_statuses()
    factories.make_chapter("ALP", "Alpha Chapter")

    def _checked(rows: str) -> RosterImport:
        with transaction():
            uploaded = roster_import.upload("roster.csv", (HEADER + rows).encode(), by=None)
            roster_import.use(uploaded, uploaded.plan)
            roster_import.check(uploaded, organization)
        return uploaded

    return _checked


@pytest.fixture
def correct(organization: Organization) -> Callable[..., int]:
    def _correct(import_: RosterImport, typed: dict[int, list[str]]) -> int:
        with transaction():
            held = roster_import.find(import_.id, lock=True)
            return roster_correcting.correct(held, typed, organization, by=None)

    return _correct


def refused(import_: RosterImport) -> dict[int, RosterImportRow]:
    db.session.expire_all()
    rows = RosterImportRow.here().all(
        RosterImportRow.import_id == import_.id, RosterImportRow.outcome == RowOutcome.REFUSED
    )
    return {row.line: row for row in rows}


def test_what_was_typed_is_checked_and_imported_in_place_of_the_line(
    checked: Callable[[str], RosterImport], correct: Callable[..., int], jobs: JobRunner
) -> None:
    import_ = checked(ANA + BO)
    sent = bytes(import_.content)
    assert [one["column"] for one in refused(import_)[3].reasons] == ["email", "joined_on"]

    assert correct(import_, {3: RIGHT}) == 1
    assert refused(import_) == {} and import_.counts == {"created": 2}
    with transaction():
        roster_import.start(roster_import.find(import_.id, lock=True), by=None)
    jobs.run_all()

    bo = Member.here().first(Member.number == "N2")
    assert (bo.last_name, bo.email, str(bo.joined_on)) == ("Berg", "bo@example.org", "2025-12-01")
    assert bytes(import_.content) == sent


def test_a_line_with_too_few_cells_or_stray_quotation_marks_can_be_typed_anew(
    checked: Callable[[str], RosterImport], correct: Callable[..., int]
) -> None:
    import_ = checked(ANA + CY + DEE)
    assert set(refused(import_)) == {3, 4}
    typed = {3: ["N3", "Cy", "Cole", "", "ALP", "undergraduate", ""]}
    assert correct(import_, typed | {4: ["N4", "Dee", "Dahl", "", "ALP", "undergraduate", ""]}) == 2
    assert import_.counts == {"created": 3}


def test_a_correction_that_is_wrong_itself_is_refused_with_its_own_reason(
    checked: Callable[[str], RosterImport], correct: Callable[..., int]
) -> None:
    import_ = checked(ANA + BO)
    correct(import_, {3: ["N1", *RIGHT[1:]]})
    [reason] = refused(import_)[3].reasons
    assert "Line 2 has the same member number" in reason["reason"]
    correct(import_, {3: RIGHT})
    assert refused(import_) == {}


def test_the_columns_may_be_matched_anew_and_the_corrections_stay(
    checked: Callable[[str], RosterImport], correct: Callable[..., int], organization: Organization
) -> None:
    import_ = checked(ANA + BO)
    correct(import_, {3: RIGHT})
    with transaction():
        held = roster_import.find(import_.id, lock=True)
        roster_import.use(held, held.plan)
        roster_import.check(held, organization)
    assert refused(import_) == {}


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ({2: RIGHT}, Conflict),
        ({99: RIGHT}, Conflict),
        ({3: RIGHT[:3]}, Invalid),
        ({3: BO.strip().split(",")}, Invalid),
        ({}, Invalid),
    ],
    ids=["a row that is not refused", "no row", "too few cells", "nothing changed", "nothing"],
)
def test_what_can_not_be_used_is_refused_and_changes_nothing(
    checked: Callable[[str], RosterImport],
    correct: Callable[..., int],
    typed: dict[int, list[str]],
    kind: type[Exception],
) -> None:
    import_ = checked(ANA + BO)
    with pytest.raises(kind):
        correct(import_, typed)
    assert set(refused(import_)) == {3} and import_.corrections == {}
    assert import_.state is ImportState.CHECKED


def test_an_import_that_has_begun_is_not_corrected(
    checked: Callable[[str], RosterImport], correct: Callable[..., int]
) -> None:
    import_ = checked(ANA + BO)
    with transaction():
        roster_import.start(roster_import.find(import_.id, lock=True), by=None)
    with pytest.raises(Conflict, match="between the check and the import"):
        correct(import_, {3: RIGHT})


def test_the_trail_says_which_cells_said_what_before(
    checked: Callable[[str], RosterImport], correct: Callable[..., int]
) -> None:
    import_ = checked(ANA + BO)
    correct(import_, {3: RIGHT})
    [entry] = db.session.query(AuditEntry).filter_by(action="roster rows corrected")
    assert entry.subject_id == import_.id
    assert entry.before == {
        "Line 3, email": "bo-example.org", "Line 3, status": "undergrad", "Line 3, joined_on": "2025-13-01"
    }  # fmt: skip
    assert entry.after["Line 3, email"] == "bo@example.org"
