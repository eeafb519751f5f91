"""What one person asked for, somebody else decides; what is done is what was approved."""

import json
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from tests import factories
from tests.services import Database
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, Invalid, NotAllowed
from webapp.domain import approvals
from webapp.domain.approvals import Action, ApprovalRequest, ApprovalState, delegation, policy
from webapp.domain.approvals.policy import Place, Right
from webapp.domain.organizations import Chapter, Login, Member, Organization, Role, RoleName, roles, tokens

TODAY = date(2026, 11, 21)


class Office:
    """A chapter with its treasurer and a member, two national admins, and what was done."""

    def __init__(self) -> None:
        self.chapter: Chapter = factories.make_chapter()
        self.member: Member = factories.make_member(self.chapter, factories.make_status())
        self.treasurer = factories.make_login("Theo Treasurer")
        factories.make_role(self.treasurer, RoleName.TREASURER, chapter=self.chapter)
        self.admin = factories.make_admin("Nora Admin")
        self.other_admin = factories.make_admin("Max Admin")
        self.done: list[dict[str, Any]] = []
        self.told: list[ApprovalState] = []
        self.terms = {"waive": 6_000, "of": self.member.id, "on": TODAY}

    def carry_out(self, request: ApprovalRequest, by: Login, on: date) -> None:
        request.insist_on(self.terms)
        self.done.append(request.terms)

    def tell(self, request: ApprovalRequest, by: Login, on: date) -> None:
        self.told.append(request.state)

    def ask(self, by: Login | None, amount: int = 6_000, **changes: Any) -> ApprovalRequest:
        values = {
            "order": self.terms,
            "amount": amount,
            "currency": "USD",
            "member_id": self.member.id,
            "chapter_id": self.chapter.id,
            "reason": "Paid twice at the door.",
            "cap": 5_000,
        }
        subject = factories.make_member(self.chapter, factories.make_status(f"s{amount}"))
        with transaction():
            return approvals.ask(Action.ADJUSTMENT, subject, by=by, **(values | changes))

    def approve(
        self, request: ApprovalRequest, by: Login, *, seen: str | None = None, on: date = TODAY
    ) -> None:
        with transaction():
            found = ApprovalRequest.here().get(request.id)
            seen = seen or request.order_digest
            found.approve(by=by, seen=seen, carry_out={Action.ADJUSTMENT: self.carry_out}, on=on)

    def act(self, request: ApprovalRequest, verb: str, **values: Any) -> None:
        if verb in ("deny", "withdraw"):
            values["tell"] = {Action.ADJUSTMENT: self.tell}
        if verb != "answer":
            values["on"] = TODAY
        with transaction():
            getattr(ApprovalRequest.here().get(request.id), verb)(**values)


@pytest.fixture
def office(organization: Organization) -> Office:
    return Office()


def state_of(request: ApprovalRequest) -> ApprovalState:
    with transaction():
        return db.session.scalars(select(ApprovalRequest.state).where(ApprovalRequest.id == request.id)).one()


def trail(request: ApprovalRequest) -> list[tuple[str, str]]:
    found = AuditEntry.here().all(AuditEntry.subject_id == request.id, order_by=AuditEntry.id)
    return [(entry.action, entry.by_name) for entry in found]


def test_what_is_approved_by_somebody_else_is_done_in_the_same_transaction(office: Office) -> None:
    request = office.ask(office.treasurer)

    office.approve(request, office.admin)

    assert state_of(request) is ApprovalState.APPROVED
    assert office.done == [{"waive": 6_000, "of": str(office.member.id), "on": "2026-11-21"}]
    assert trail(request) == [("approval requested", "Theo Treasurer"), ("approved", "Nora Admin")]


def test_the_order_is_kept_as_one_text_whatever_the_order_of_its_keys(office: Office) -> None:
    request = office.ask(office.treasurer)
    assert request.order == json.dumps(
        {"of": str(office.member.id), "on": "2026-11-21", "waive": 6_000}, separators=(",", ":")
    )
    assert approvals.canonical(dict(reversed(office.terms.items()))) == request.order


@pytest.mark.case("K30")
def test_what_was_edited_after_it_was_asked_for_is_not_done(office: Office) -> None:
    request = office.ask(office.treasurer)
    office.terms |= {"waive": 9_000}

    with pytest.raises(approvals.NotWhatWasApproved):
        office.approve(request, office.admin)

    assert (state_of(request), office.done) == (ApprovalState.PENDING, [])
    assert trail(request)[-1] == ("approval refused", "Nora Admin")


@pytest.mark.case("K30")
def test_what_the_decider_did_not_see_is_not_done(office: Office) -> None:
    request = office.ask(office.treasurer)

    with pytest.raises(Conflict, match="not what stands here"):
        office.approve(request, office.admin, seen="0" * 64)

    assert (state_of(request), office.done) == (ApprovalState.PENDING, [])


@pytest.mark.case("K30", "A20")
@pytest.mark.parametrize(
    "edit", ["amount = 1", "\"order\" = '{}'", "cap = 0", "reason = 'x'", "requested_by_id = NULL"]
)
def test_the_application_has_no_right_to_edit_what_was_asked(
    office: Office, database: Database, edit: str
) -> None:
    request = office.ask(office.treasurer)
    with psycopg.connect(database.app_url) as connection:
        connection.execute(f"SET LOCAL app.organization_id = '{factories.here()}'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"UPDATE approval_requests SET {edit} WHERE id = %s", [request.id])


@pytest.mark.case("K30", "A20")
def test_an_order_that_does_not_fit_its_digest_is_refused_by_the_database(
    office: Office, database: Database
) -> None:
    request = office.ask(office.treasurer)
    edit = "UPDATE approval_requests SET \"order\" = '{}' WHERE id = %s"
    with (
        psycopg.connect(database.superuser_url) as connection,
        pytest.raises(psycopg.errors.CheckViolation, match="digest_is_the_orders"),
    ):
        connection.execute(edit, [request.id])


@pytest.mark.case("F15")
def test_nobody_decides_their_own_request(office: Office) -> None:
    request = office.ask(office.admin)

    with pytest.raises(NotAllowed, match="You asked for this yourself"):
        office.approve(request, office.admin)

    assert (state_of(request), office.done) == (ApprovalState.PENDING, [])
    assert trail(request)[-1] == ("approval refused", "Nora Admin")
    office.approve(request, office.other_admin)
    assert state_of(request) is ApprovalState.APPROVED


@pytest.mark.case("F15")
def test_the_database_knows_four_eyes_by_itself(office: Office) -> None:
    request = office.ask(office.admin)
    with pytest.raises(IntegrityError, match="four_eyes"), transaction() as session:
        session.execute(
            update(ApprovalRequest)
            .where(ApprovalRequest.id == request.id)
            .values(
                state=ApprovalState.APPROVED, decided_by_id=office.admin.id, decided_at=request.created_at
            )
        )


@pytest.mark.parametrize(
    "values", [{"state": "approved"}, {"decided_at": TODAY}, {"state": "denied", "decision_reason": "No"}]
)
def test_who_decided_and_when_is_there_exactly_when_it_is_decided(
    office: Office, values: dict[str, Any]
) -> None:
    request = office.ask(office.treasurer)
    with pytest.raises(IntegrityError, match="decided_exactly_when"), transaction() as session:
        session.execute(update(ApprovalRequest).where(ApprovalRequest.id == request.id).values(**values))


def program(name: str, role: RoleName, by: Login | None, chapter: Chapter | None = None) -> Login:
    with transaction() as session:
        token, _ = tokens.create(name, role, chapter=chapter, by=by)
        return session.get_one(Login, token.login_id)


@pytest.mark.case("F15")
def test_a_token_has_the_eyes_of_whoever_made_it(office: Office) -> None:
    asking = program("Nightly refunds", RoleName.TREASURER, office.admin, office.chapter)
    deciding = program("Auto approve", RoleName.NATIONAL_ADMIN, office.admin)
    by_token, by_hand = office.ask(asking), office.ask(office.admin, 7_000)

    for request, decider in ((by_token, office.admin), (by_token, deciding), (by_hand, deciding)):
        with pytest.raises(NotAllowed, match="Somebody else has to decide it"):
            office.approve(request, decider)

    office.approve(by_token, program("Checked by Max", RoleName.NATIONAL_ADMIN, office.other_admin))
    db.session.expire_all()
    decided = ApprovalRequest.here().get(by_token.id)
    assert (decided.requested_by_id, decided.decided_by_id) == (office.admin.id, office.other_admin.id)
    assert decided.requested_by_token_id is not None and decided.decided_by_token_id is not None


@pytest.mark.case("F15")
def test_a_token_that_nobody_signed_in_made_does_not_decide_what_it_asked_for(office: Office) -> None:
    robot = program("From the command line", RoleName.NATIONAL_ADMIN, None)
    request = office.ask(robot)
    with pytest.raises(NotAllowed):
        office.approve(request, robot)
    office.approve(request, office.admin)
    assert state_of(request) is ApprovalState.APPROVED


def test_what_a_member_asked_for_by_a_link_is_decided_by_anybody_who_may_but_that_member(
    office: Office,
) -> None:
    request = office.ask(None, cap=None)
    assert (request.requested_by_id, request.cap) == (None, None)
    with transaction():
        Member.here().get(office.member.id).login_id = office.admin.id
    with pytest.raises(NotAllowed, match="your own account"):
        office.approve(request, office.admin)
    office.approve(request, office.other_admin)
    assert state_of(request) is ApprovalState.APPROVED


@pytest.mark.case("F15")
def test_who_lost_the_role_meanwhile_decides_nothing(office: Office) -> None:
    request = office.ask(office.treasurer)
    with transaction():
        held = Role.here().first(Role.login_id == office.admin.id)
        assert held is not None
        roles.remove(held, by=office.other_admin)

    with pytest.raises(NotAllowed):
        office.approve(request, office.admin)

    assert (state_of(request), office.done) == (ApprovalState.PENDING, [])
    assert trail(request)[-1] == ("approval refused", "Nora Admin")


@pytest.mark.case("F15")
def test_what_somebody_asked_for_who_lost_the_role_since_is_not_done(office: Office) -> None:
    request = office.ask(office.treasurer)
    with transaction():
        held = Role.here().first(Role.login_id == office.treasurer.id)
        assert held is not None
        roles.remove(held, by=office.admin)

    with pytest.raises(Conflict, match="may not ask for it any more"):
        office.approve(request, office.admin)

    assert (state_of(request), office.done) == (ApprovalState.PENDING, [])
    office.act(request, "deny", by=office.admin, reason="Theo has left.")
    assert state_of(request) is ApprovalState.DENIED


@pytest.fixture
def second_treasurer(office: Office) -> Login:
    login = factories.make_login("Tara Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=office.chapter)
    return login


def set_limit(office: Office, right: Right, up_to: int | None) -> None:
    with transaction():
        policy.set_limit(Place(RoleName.TREASURER, Action.ADJUSTMENT, right), up_to, by=office.admin)


@pytest.mark.case("F15")
def test_whom_the_policy_names_decides_up_to_its_limit_as_it_is_at_that_moment(
    office: Office, second_treasurer: Login
) -> None:
    first, second = office.ask(office.treasurer), office.ask(office.treasurer, 7_000)
    with pytest.raises(NotAllowed):
        office.approve(first, second_treasurer)
    set_limit(office, Right.SECOND, 7_000)
    office.approve(first, second_treasurer)
    set_limit(office, Right.SECOND, 6_999)
    with pytest.raises(NotAllowed):
        office.approve(second, second_treasurer)
    assert (state_of(first), state_of(second)) == (ApprovalState.APPROVED, ApprovalState.PENDING)
    assert trail(second)[-1] == ("approval refused", "Tara Treasurer")


def test_a_treasurer_decides_nothing_of_another_chapter(office: Office) -> None:
    neighbour = factories.make_login("Nick Neighbour")
    factories.make_role(neighbour, RoleName.TREASURER, chapter=factories.make_chapter("BET", "Beta"))
    set_limit(office, Right.SECOND, None)
    request = office.ask(office.treasurer)
    with pytest.raises(NotAllowed):
        office.approve(request, neighbour)


def delegate(office: Office, to: Login, until: date = TODAY) -> delegation.ApprovalDelegation:
    with transaction():
        return delegation.delegate(to, until=until, by=office.admin, on=TODAY)


def test_a_delegate_decides_through_the_last_day_and_no_longer(
    office: Office, second_treasurer: Login
) -> None:
    first, second = office.ask(office.treasurer), office.ask(office.treasurer, 7_000)
    delegate(office, second_treasurer)
    office.approve(first, second_treasurer, on=TODAY)
    with pytest.raises(NotAllowed):
        office.approve(second, second_treasurer, on=TODAY + timedelta(days=1))


def test_a_delegation_ends_when_it_is_revoked_or_its_giver_is_no_admin_any_more(
    office: Office, second_treasurer: Login
) -> None:
    request = office.ask(office.treasurer)
    given = delegate(office, second_treasurer)
    with transaction():
        delegation.ApprovalDelegation.here().get(given.id).revoke(by=office.admin)
    with pytest.raises(NotAllowed):
        office.approve(request, second_treasurer)
    delegate(office, second_treasurer)
    with transaction():
        held = Role.here().first(Role.login_id == office.admin.id)
        assert held is not None
        roles.remove(held, by=office.other_admin)
    with pytest.raises(NotAllowed):
        office.approve(request, second_treasurer)


def test_nobodys_delegate_decides_what_that_person_asked_for(office: Office, second_treasurer: Login) -> None:
    request = office.ask(office.admin)
    delegate(office, second_treasurer)
    with pytest.raises(NotAllowed):
        office.approve(request, second_treasurer)


@pytest.mark.parametrize("until", [TODAY - timedelta(days=1), TODAY + timedelta(days=400)])
def test_a_delegation_ends_within_a_year(office: Office, second_treasurer: Login, until: date) -> None:
    with pytest.raises(Invalid) as refused:
        delegate(office, second_treasurer, until)
    assert "until" in refused.value.fields


def test_approvals_are_delegated_to_treasurers_alone(office: Office) -> None:
    auditor = factories.make_login("Audrey Auditor")
    factories.make_role(auditor, RoleName.AUDITOR)
    for to in (auditor, office.other_admin, office.admin):
        with pytest.raises(Invalid) as refused:
            delegate(office, to)
        assert "to" in refused.value.fields


def test_it_is_denied_with_a_reason_and_the_subject_is_told(office: Office) -> None:
    request = office.ask(office.treasurer)
    with pytest.raises(Invalid):
        office.act(request, "deny", by=office.admin, reason="  ")
    office.act(request, "deny", by=office.admin, reason="The receipt is missing.")
    assert (state_of(request), office.told) == (ApprovalState.DENIED, [ApprovalState.DENIED])
    with pytest.raises(approvals.AlreadyDecided, match="already denied by Nora Admin"):
        office.approve(request, office.other_admin)
    assert office.done == []


def test_it_is_held_asked_back_answered_and_approved(office: Office) -> None:
    request = office.ask(office.treasurer)
    office.act(request, "hold", by=office.admin, reason="Waiting for the bank.")
    assert state_of(request) is ApprovalState.HELD
    office.act(request, "ask_back", by=office.other_admin, question="Which door?")
    assert state_of(request) is ApprovalState.ASKED_BACK
    with pytest.raises(NotAllowed):
        office.act(request, "answer", by=office.admin, text="The side door.")
    office.act(request, "answer", by=office.treasurer, text="The side door.")
    assert state_of(request) is ApprovalState.PENDING
    with pytest.raises(Conflict):
        office.act(request, "answer", by=office.treasurer, text="Really.")
    office.approve(request, office.admin)
    assert [action for action, _ in trail(request)] == [
        "approval requested", "held", "asked back", "answered", "approved",
    ]  # fmt: skip


def test_whoever_asked_may_withdraw_it_and_nobody_else(office: Office) -> None:
    request = office.ask(office.treasurer)
    with pytest.raises(NotAllowed):
        office.act(request, "withdraw", by=office.admin)
    office.act(request, "withdraw", by=office.treasurer)
    assert (state_of(request), office.told) == (ApprovalState.WITHDRAWN, [ApprovalState.WITHDRAWN])
    with pytest.raises(approvals.AlreadyDecided, match="withdrawn"):
        office.approve(request, office.admin)


def test_nobody_can_be_asked_back_who_came_by_a_link(office: Office) -> None:
    with pytest.raises(Conflict, match="used a link"):
        office.act(office.ask(None), "ask_back", by=office.admin, question="Why?")


def test_the_same_thing_waits_once(office: Office) -> None:
    subject = office.member
    values: dict[str, Any] = {
        "order": {}, "amount": 1, "currency": "USD", "member_id": subject.id,
        "chapter_id": office.chapter.id, "reason": "Twice.", "cap": 0, "by": office.treasurer,
    }  # fmt: skip
    with transaction():
        approvals.ask(Action.WRITE_OFF, subject, **values)
    with pytest.raises(Conflict, match="waits for approval already"), transaction():
        approvals.ask(Action.WRITE_OFF, subject, **values)


def test_how_much_an_officer_does_alone(office: Office) -> None:
    def limit(who: Login | None, action: Action, usual: int = 0) -> int | None:
        return approvals.limit_of(who, action, usual=usual)

    assert limit(office.treasurer, Action.REFUND, 5_000) == 5_000
    assert limit(office.admin, Action.REFUND, 5_000) == 5_000
    assert limit(office.treasurer, Action.ADJUSTMENT) == 0
    assert limit(None, Action.REFUND, 5_000) == 0
    assert limit(factories.make_login(), Action.REFUND, 5_000) == 0
    set_limit(office, Right.ALONE, 2_500)
    with transaction():
        policy.set_limit(Place(RoleName.NATIONAL_ADMIN, Action.REFUND, Right.ALONE), None, by=office.admin)
    assert limit(office.treasurer, Action.ADJUSTMENT) == 2_500
    assert limit(office.admin, Action.REFUND, 5_000) is None
    with transaction():
        policy.forget_limit(Place(RoleName.NATIONAL_ADMIN, Action.REFUND, Right.ALONE), by=office.admin)
    assert limit(office.admin, Action.REFUND, 5_000) == 5_000


def test_every_change_of_a_limit_is_in_the_audit_trail(office: Office) -> None:
    set_limit(office, Right.ALONE, 2_500)
    set_limit(office, Right.ALONE, 2_500)
    set_limit(office, Right.ALONE, 3_000)
    changes = AuditEntry.here().all(AuditEntry.subject_kind == "approval_policies", order_by=AuditEntry.id)
    assert [
        (entry.before and entry.before["limit"], entry.after and entry.after["limit"]) for entry in changes
    ] == [
        (None, 2_500),
        (2_500, 3_000),
    ]


@pytest.mark.parametrize(
    "place",
    [
        Place(RoleName.NATIONAL_ADMIN, Action.REFUND, Right.SECOND),
        Place(RoleName.TREASURER, Action.REFUND, Right.ALONE),
        Place(RoleName.AUDITOR, Action.REFUND, Right.SECOND),
    ],
)
def test_a_limit_that_is_settled_elsewhere_can_not_be_set(office: Office, place: Place) -> None:
    with pytest.raises(Invalid), transaction():
        policy.set_limit(place, 100, by=office.admin)
