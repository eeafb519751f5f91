"""A whole import is taken back: what it made goes, what it changed returns, what was touched since stays."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests import factories
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict
from webapp.domain.organizations import (
    Chapter,
    ImportState,
    Member,
    MemberStatus,
    Organization,
    PledgeClass,
    RosterImport,
    RosterImportRow,
    UndoOutcome,
    member,
    roster_import,
    roster_undoing,
    roster_verdicts,
)
from webapp.domain.organizations.roster_columns import ColumnPlan
from webapp.workers import organizations

HEADER = "member_number,first_name,last_name,email,chapter_code,status,joined_on,pledge_class\n"
ANA = "N1,Ana,Núñez,ana@example.org,ALP,undergraduate,2025-09-01,Fall 2025\n"
BO = "N2,Bo,Berg,,ALP,undergraduate,,\n"


@pytest.fixture
def home(organization: Organization) -> Organization:
    with transaction():
        member.open_default_statuses()
    return organization


@pytest.fixture
def bring_in(home: Organization, jobs: Any) -> Callable[..., RosterImport]:
    def _bring_in(rows: str, **changes: Any) -> RosterImport:
        with transaction():
            uploaded = roster_import.upload("roster.csv", (HEADER + rows).encode(), by=None)
            plan: ColumnPlan = replace(uploaded.plan, **changes)
            roster_import.use(uploaded, plan)
            roster_import.start(uploaded, by=None, unseen=True)
        jobs.run_all()
        return fresh(uploaded)

    return _bring_in


@pytest.fixture
def undo(jobs: Any) -> Callable[[RosterImport], RosterImport]:
    def _undo(import_: RosterImport) -> RosterImport:
        with transaction():
            roster_undoing.request(roster_import.find(import_.id, lock=True), by=None)
        jobs.run_all()
        return fresh(import_)

    return _undo


def fresh(row: Any) -> Any:
    db.session.rollback()
    db.session.refresh(row)
    return row


def number(text: str) -> Member | None:
    db.session.expire_all()
    return Member.here().first(Member.number == text)


def reasons(import_: RosterImport) -> list[str]:
    return [line[-1] for line in roster_undoing.not_undone(import_)]


def test_members_that_an_import_made_are_gone_after_undoing_it_with_all_that_came_along(
    bring_in: Any, undo: Any
) -> None:
    first = bring_in(ANA + BO)
    assert roster_undoing.preview(first) == {"removed": 2}

    undone = undo(first)

    assert undone.state is ImportState.UNDONE
    assert undone.undo_counts == {"removed": 2, "chapters": 1, "pledge_classes": 1}
    assert [Member.here().first(), Chapter.here().first(), PledgeClass.here().first()] == [None, None, None]
    assert [entry.action for entry in AuditEntry.here().all(order_by=AuditEntry.id)][-2:] == [
        "undoing a roster import",
        "roster import undone",
    ]


def test_members_that_an_import_changed_get_back_what_they_had(bring_in: Any, undo: Any) -> None:
    bring_in(ANA + BO)
    before = number("N1").facts | {"more": number("N1").more}
    second = bring_in("N1,Anna,Nunez,new@example.org,BET,alumnus,2024-01-02,Fall 2024\n" + BO)

    undone = undo(second)

    assert undone.undo_counts == {"restored": 1, "chapters": 1, "pledge_classes": 1}
    assert number("N1").facts | {"more": number("N1").more} == before
    assert [chapter.code for chapter in Chapter.here().all()] == ["ALP"]


def test_a_field_that_somebody_changed_since_stays_and_says_so(bring_in: Any, undo: Any) -> None:
    bring_in(ANA)
    second = bring_in("N1,Anna,Nunez,new@example.org,ALP,undergraduate,,\n")
    with transaction():
        number("N1").correct({"last_name": "Nuñez-Berg"}, by=None)

    undone = undo(second)

    found = number("N1")
    assert (found.first_name, found.last_name, found.email) == ("Ana", "Nuñez-Berg", "ana@example.org")
    assert undone.undo_counts == {"partly": 1}
    assert reasons(undone) == ["Last name was changed since and stays."]


def test_what_a_later_import_changed_stays_until_that_one_is_undone(bring_in: Any, undo: Any) -> None:
    first = bring_in(ANA)
    second = bring_in("N1,Anna,Núñez,ana@example.org,ALP,undergraduate,,\n")
    assert roster_undoing.preview(first) == {"deactivated": 1}
    assert roster_undoing.imported_since(first) == 1

    undo(second)
    assert undo(first).undo_counts["removed"] == 1


def test_overwriting_what_a_person_had_entered_is_undone_with_the_persons_word(
    bring_in: Any, undo: Any
) -> None:
    bring_in(ANA)
    with transaction():
        number("N1").correct({"email": "by.hand@example.org"}, by=None)
    second = bring_in(ANA, overwrite=True)
    assert number("N1").changed_by_hand == []

    undo(second)

    assert number("N1").email == "by.hand@example.org"
    assert number("N1").changed_by_hand == ["email"]


def _billed(found: Member) -> None:
    factories.make_invoice(member=found)


def _corrected(found: Member) -> None:
    with transaction():
        Member.here().get(found.id).correct({"phone": "555"}, by=None)


def _signed_in(found: Member) -> None:
    login = factories.make_login()
    with transaction():
        Member.here().get(found.id).login_id = login.id


@pytest.mark.parametrize(
    ("what_happens", "why"),
    [(_billed, "billed"), (_corrected, "changed by hand"), (_signed_in, "given a login")],
)
def test_a_member_with_a_history_is_made_inactive_instead_of_removed(
    home: Organization, bring_in: Any, undo: Any, what_happens: Callable[[Member], None], why: str
) -> None:
    first = bring_in(ANA)
    what_happens(number("N1"))
    assert roster_undoing.preview(first) == {"deactivated": 1}

    undone = undo(first)

    assert undone.undo_counts == {"deactivated": 1}
    assert number("N1").left_on == home.today - timedelta(days=1)
    assert not number("N1").is_active(on=home.today)
    assert why in reasons(undone)[0]
    assert [chapter.code for chapter in Chapter.here().all()] == ["ALP"]


def test_undoing_twice_or_by_two_workers_acts_once(bring_in: Any, undo: Any) -> None:
    undone = undo(bring_in(ANA))
    bring_in(ANA)

    organizations.undo_roster(undone.id)
    with pytest.raises(Conflict, match="only once"), transaction():
        roster_undoing.request(roster_import.find(undone.id), by=None)

    assert number("N1") is not None


def test_an_undoing_that_was_cut_off_goes_on_where_it_stopped(
    bring_in: Any, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster_undoing, "STRETCH", 1)
    first = bring_in(ANA + BO)
    with transaction():
        roster_undoing.request(roster_import.find(first.id, lock=True), by=None)
    with transaction():
        assert roster_undoing.go_on(first.id)
    assert fresh(first).undone_rows == 1 and first.state is ImportState.UNDOING

    jobs.run_all()

    assert fresh(first).undo_counts["removed"] == 2
    assert Member.here().first() is None


def test_a_member_that_is_gone_already_is_told(bring_in: Any, undo: Any) -> None:
    first = bring_in(ANA)
    second = bring_in("N1,Anna,Núñez,ana@example.org,ALP,undergraduate,,\n")
    undo(second)
    with transaction() as session:
        session.delete(number("N1"))
    undone = undo(first)
    assert undone.undo_counts["gone"] == 1
    assert reasons(undone) == ["The member is not there any more."]


def test_a_status_that_was_removed_since_can_not_come_back(bring_in: Any, undo: Any) -> None:
    bring_in(ANA.replace("undergraduate", "associate"))
    second = bring_in(ANA.replace("undergraduate", "alumnus"))
    with transaction():
        MemberStatus.here().first(MemberStatus.code == "associate").remove(by=None)
    undone = undo(second)
    assert undone.undo_counts == {"kept": 1}
    assert reasons(undone) == ["Status was changed since and stays."]


def test_only_an_import_that_changed_something_can_be_undone(bring_in: Any) -> None:
    bring_in(ANA)
    again = bring_in(ANA)
    with pytest.raises(Conflict, match="nothing to undo"), transaction():
        roster_undoing.request(roster_import.find(again.id), by=None)


def test_an_import_from_before_rows_knew_their_members_says_that_it_can_not_be_undone(
    bring_in: Any,
) -> None:
    first = bring_in(ANA)
    with transaction():
        RosterImportRow.here().first(RosterImportRow.import_id == first.id).member_id = None
    with pytest.raises(Conflict, match="older than"), transaction():
        roster_undoing.request(roster_import.find(first.id), by=None)


def test_every_table_that_refers_to_a_member_has_words_for_a_row_that_is_not_undone() -> None:
    tables = {column.table.name for column in roster_verdicts.referring("members")}
    assert tables <= set(roster_verdicts.REASONS)
    assert {outcome for outcome in UndoOutcome if outcome.is_whole} == {
        UndoOutcome.REMOVED,
        UndoOutcome.RESTORED,
    }
