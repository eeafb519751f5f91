"""The approval queue as people see it: who finds what there, who decides, and what a mail's link may do."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from tests import factories
from tests.jobs import JobRunner
from tests.web.specimens import make_approval
from tests.web.world import ADMIN, AUDITOR, MEMBER, NEIGHBOUR, STRANGER, TREASURER, World, enter, make_world
from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.clock import now
from webapp.core.db import db, transaction
from webapp.domain.approvals import Action, ApprovalRequest, ApprovalState, delegation, policy
from webapp.domain.approvals.policy import Place, Right
from webapp.domain.billing.invoice import Invoice
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Login, LoginSession, RoleName, roles
from webapp.domain.organizations.roles import Role
from webapp.domain.organizations.sessions import Method
from webapp.wiring import mail_folder


@pytest.fixture
def world(world: World) -> World:
    tenancy.enter(world.organization.id)
    return world


def path(world: World, rest: str = "") -> str:
    return f"/o/{world.organization.slug}/approvals/{rest}"


def one(world: World, rest: str = "") -> str:
    return path(world, f"{world.ids['approval_id']}{rest}")


def stored(world: World) -> ApprovalRequest:
    with transaction():
        found = ApprovalRequest.here().get(world.ids["approval_id"], lock=True)
        db.session.expunge(found)
    return found


def mails(world: World, kind: MailKind) -> list[Mail]:
    """About this request, oldest first."""
    found = Mail.here().all(Mail.kind == kind, order_by=Mail.id)
    return [mail for mail in found if mail.details["approval_id"] == str(world.ids["approval_id"])]


def test_the_queue_says_who_asks_for_how_much_why_and_what_their_cap_is(
    client: FlaskClient, world: World
) -> None:
    enter(client, world.logins[ADMIN])
    page = client.get(path(world)).text
    for words in ("Adjustment for Ana", "Pi Chi treasurer", "$60.00", "never alone", "Paid at the door."):
        assert words in page
    assert page.index("Waiting") < page.index("On hold") < page.index("Asked back") < page.index("Decided")


def test_the_request_shows_the_order_to_the_letter_and_the_member_beside_it(
    client: FlaskClient, world: World
) -> None:
    enter(client, world.logins[ADMIN])
    page = client.get(one(world)).text
    assert f'name="seen" value="{stored(world).order_digest}"' in page
    for words in ("What will be done, to the letter", "waiver", "How Ana stands", "$490.00", "$430.00"):
        assert words in page


def test_the_oldest_waits_on_top(client: FlaskClient, world: World) -> None:
    with transaction():
        make_approval(world.ids["invoice_id"], world.logins[TREASURER], 7_000)
    enter(client, world.logins[ADMIN])
    page = client.get(path(world)).text
    assert page.index("$60.00") < page.index("$70.00")


@pytest.mark.case("A4")
@pytest.mark.parametrize(
    ("who", "listed", "opened", "offered"),
    [
        (ADMIN, True, 200, True),
        (AUDITOR, True, 200, False),
        (TREASURER, True, 200, False),
        (NEIGHBOUR, False, 404, False),
        (MEMBER, False, 404, False),
    ],
)
def test_each_finds_what_concerns_them_and_buttons_for_what_they_may(
    client: FlaskClient, world: World, who: str, listed: bool, opened: int, offered: bool
) -> None:
    enter(client, world.logins[who])
    assert ("Paid at the door." in client.get(path(world)).text) is listed
    answer = client.get(one(world))
    assert (answer.status_code, "Approve $60.00" in answer.text) == (opened, offered)


@pytest.mark.case("A4", "F15")
@pytest.mark.parametrize("who", [AUDITOR, TREASURER, NEIGHBOUR, MEMBER, STRANGER])
@pytest.mark.parametrize("verb", ["approval", "denial", "hold", "question"])
def test_who_may_not_decide_changes_nothing(
    app: Flask, client: FlaskClient, world: World, who: str, verb: str
) -> None:
    login = make_world("Elsewhere").logins[ADMIN] if who == STRANGER else world.logins[who]
    tenancy.enter(world.organization.id)
    enter(client, login)
    data = {"seen": stored(world).order_digest, "remark": "Because."}
    answer = client.post(one(world, f"/{verb}"), data=data)
    assert answer.status_code == (403 if who in (AUDITOR, TREASURER) else 404)
    assert stored(world).state is ApprovalState.PENDING


@pytest.mark.case("A12")
def test_opening_the_mails_link_decides_nothing_however_often_it_is_prefetched(
    client: FlaskClient, world: World, jobs: JobRunner
) -> None:
    jobs.run_all()
    (told,) = mails(world, MailKind.APPROVAL_WAITING)
    link = one(world)
    assert link in mail_folder().read(str(told.id)).text
    enter(client, world.logins[ADMIN])
    for method in ("GET", "HEAD", "GET"):
        assert client.open(link, method=method).status_code == 200
    for verb in ("approval", "denial", "hold", "question", "answer", "withdrawal"):
        assert client.get(one(world, f"/{verb}")).status_code == 405
    assert stored(world).state is ApprovalState.PENDING


def test_it_is_asked_back_answered_by_the_treasurer_and_both_sides_hear_of_it(
    client: FlaskClient, world: World, jobs: JobRunner
) -> None:
    jobs.run_all()
    enter(client, world.logins[ADMIN])
    asked = client.post(one(world, "/question"), data={"remark": "Which door?"})
    assert asked.status_code == 303
    jobs.run_all()
    (news,) = mails(world, MailKind.APPROVAL_NEWS)
    assert news.recipient == world.logins[TREASURER].email
    assert "Which door?" in mail_folder().read(str(news.id)).text
    enter(client, world.logins[TREASURER])
    home = client.get(f"/o/{world.organization.slug}/chapters/ALP/").text
    assert "1 request was asked back" in home
    assert "Which door?" in client.get(one(world)).text
    client.post(one(world, "/answer"), data={"remark": "The side door."})
    jobs.run_all()
    assert (stored(world).state, stored(world).remark) == (ApprovalState.PENDING, "The side door.")
    waiting = mails(world, MailKind.APPROVAL_WAITING)
    assert [mail.recipient for mail in waiting] == [world.logins[ADMIN].email] * 2
    assert "The side door." in mail_folder().read(str(waiting[-1].id)).text


def test_what_waits_is_counted_on_the_national_home(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[ADMIN])
    page = client.get(f"/o/{world.organization.slug}/national/").text
    assert re.search(r"\d+ requests? waits? for a decision", page)


@pytest.mark.parametrize("verb", ["denial", "hold", "question"])
def test_nothing_is_said_without_words_and_the_page_comes_back(
    client: FlaskClient, world: World, verb: str
) -> None:
    enter(client, world.logins[ADMIN])
    answer = client.post(one(world, f"/{verb}"), data={"remark": "  "})
    assert answer.status_code == 422
    assert "Write a sentence." in answer.text and "Paid at the door." in answer.text
    assert stored(world).state is ApprovalState.PENDING


def test_a_delegate_sees_every_chapters_requests_until_the_last_day(
    client: FlaskClient, world: World
) -> None:
    today = world.organization.today
    with transaction():
        given = delegation.delegate(world.logins[NEIGHBOUR], until=today, by=world.logins[ADMIN], on=today)
    enter(client, world.logins[NEIGHBOUR])
    assert "Approve $60.00" in client.get(one(world)).text
    with transaction():
        delegation.ApprovalDelegation.here().get(given.id).until = today - timedelta(days=1)
    assert client.get(one(world)).status_code == 404


def test_an_admin_delegates_and_revokes_on_a_page(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[ADMIN])
    address = f"/o/{world.organization.slug}/national/approvals/delegations/"
    to = world.logins[NEIGHBOUR]
    wrong = client.post(address, data={"to": str(to.id), "until": "2001-01-01"})
    assert wrong.status_code == 422 and "2001-01-01" in wrong.text
    client.post(address, data={"to": str(to.id), "until": world.organization.today.isoformat()})
    given = max(delegation.ApprovalDelegation.here().all(), key=lambda row: row.id)
    assert (given.to_id, given.revoked_at) == (to.id, None)
    assert to.name in client.get(address).text
    client.post(f"{address}{given.id}/revocation")
    with transaction():
        assert delegation.ApprovalDelegation.here().get(given.id, lock=True).revoked_at is not None


def test_the_limits_are_set_on_a_page_as_amounts_as_any_amount_or_as_usual(
    client: FlaskClient, world: World
) -> None:
    enter(client, world.logins[ADMIN])
    address = f"/o/{world.organization.slug}/national/approvals/policy"
    wrong = client.post(address, data={"treasurer-adjustment-alone": "a lot"})
    assert wrong.status_code == 422 and "a lot" in wrong.text
    sent = {"treasurer-adjustment-alone": "25.00", "treasurer-adjustment-second": "Any amount"}
    assert client.post(address, data=sent).status_code == 303
    alone, second = (Place(RoleName.TREASURER, Action.ADJUSTMENT, right) for right in Right)
    assert policy.limits() == {alone: 2_500, second: None}
    page = client.get(address).text
    assert 'value="25.00"' in page and 'value="any amount"' in page
    client.post(address, data={})
    db.session.rollback()
    assert policy.limits() == {}
    assert len(AuditEntry.here().all(AuditEntry.action == "approval limit changed")) == 4


def test_an_auditor_sees_limits_and_delegations_without_buttons(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[AUDITOR])
    for page in ("approvals/policy", "approvals/delegations/"):
        answer = client.get(f"/o/{world.organization.slug}/national/{page}")
        assert answer.status_code == 200 and "btn first" not in answer.text


def make_second_admin(world: World, name: str = "Max Admin") -> Login:
    with tenancy.acting_for(world.organization.id):
        return factories.make_admin(name)


def approve(client: FlaskClient, world: World, **changes: str) -> TestResponse:
    return client.post(one(world, "/approval"), data={"seen": stored(world).order_digest} | changes)


def owed(world: World) -> int:
    with transaction():
        return db.session.scalars(select(Invoice.owed).where(Invoice.id == world.ids["invoice_id"])).one()


def test_what_is_approved_is_done_at_once_and_the_row_leaves_the_queue(
    client: FlaskClient, world: World, jobs: JobRunner
) -> None:
    enter(client, world.logins[ADMIN])
    assert approve(client, world).status_code == 303
    assert (stored(world).state, owed(world)) == (ApprovalState.APPROVED, 28_000)
    page = client.get(path(world)).text
    assert "Adjustment for Ana" in page and "approved." in page and one(world) not in page
    assert "Adjustment for Ana" in client.get(path(world, "?tab=decided")).text
    jobs.run_all()
    (news,) = mails(world, MailKind.APPROVAL_NEWS)
    assert news.recipient == world.logins[TREASURER].email and "was approved" in str(news.subject)


@pytest.mark.case("K30")
def test_the_form_of_another_order_approves_nothing(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[ADMIN])
    for seen in ("", "0" * 64):
        answer = approve(client, world, seen=seen)
        assert answer.status_code == 409 and "not what stands here" in answer.text
    assert (stored(world).state, owed(world)) == (ApprovalState.PENDING, 34_000)


def test_it_is_denied_with_a_reason_that_whoever_asked_reads(
    client: FlaskClient, world: World, jobs: JobRunner
) -> None:
    enter(client, world.logins[ADMIN])
    assert client.post(one(world, "/denial"), data={"remark": "No receipt."}).status_code == 303
    assert (stored(world).state, owed(world)) == (ApprovalState.DENIED, 34_000)
    jobs.run_all()
    (news,) = mails(world, MailKind.APPROVAL_NEWS)
    assert "No receipt." in mail_folder().read(str(news.id)).text
    enter(client, world.logins[TREASURER])
    assert "No receipt." in client.get(one(world)).text


def test_the_treasurer_withdraws_what_was_asked_for(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[TREASURER])
    assert "Withdraw the request" in client.get(one(world)).text
    assert client.post(one(world, "/withdrawal")).status_code == 303
    assert (stored(world).state, owed(world)) == (ApprovalState.WITHDRAWN, 34_000)
    assert "Adjustment for Ana" in client.get(path(world, "?tab=mine")).text


@pytest.mark.case("K30", "F14")
def test_the_second_of_two_admins_is_told_who_was_first(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[ADMIN])
    approve(client, world)
    enter(client, make_second_admin(world))
    late = approve(client, world)
    assert late.status_code == 409
    assert "already approved by Pi Chi national admin" in late.text
    assert owed(world) == 28_000


@pytest.mark.case("F15")
def test_a_role_that_was_taken_away_while_the_page_was_open_decides_nothing_and_that_is_noted(
    client: FlaskClient, world: World
) -> None:
    second = make_second_admin(world)
    with transaction():
        delegate = delegation.delegate(
            world.logins[NEIGHBOUR], until=world.organization.today, by=second, on=world.organization.today
        )
    enter(client, world.logins[NEIGHBOUR])
    assert "Approve $60.00" in client.get(one(world)).text
    with transaction():
        roles.remove(Role.here().all(Role.login_id == second.id)[0], by=world.logins[ADMIN])
    assert delegate.revoked_at is None
    assert approve(client, world).status_code == 404
    assert (stored(world).state, owed(world)) == (ApprovalState.PENDING, 34_000)


@pytest.mark.case("F15")
def test_a_limit_that_was_lowered_while_the_page_was_open_counts_and_the_try_is_noted(
    client: FlaskClient, world: World
) -> None:
    place = Place(RoleName.TREASURER, Action.ADJUSTMENT, Right.SECOND)
    with tenancy.acting_for(world.organization.id):
        colleague = factories.make_login("Tara Treasurer")
        factories.make_role(colleague, RoleName.TREASURER, chapter=world.chapter)
    with transaction():
        policy.set_limit(place, 6_000, by=world.logins[ADMIN])
    enter(client, colleague)
    assert "Approve $60.00" in client.get(one(world)).text
    with transaction():
        policy.set_limit(place, 5_999, by=world.logins[ADMIN])
    assert approve(client, world).status_code == 403
    assert (stored(world).state, owed(world)) == (ApprovalState.PENDING, 34_000)
    noted = AuditEntry.here().first(AuditEntry.action == "approval refused")
    assert noted is not None and noted.by_name == "Tara Treasurer"


@pytest.mark.case("K21")
def test_several_are_approved_together_each_with_its_result_and_again_without_a_second_effect(
    client: FlaskClient, world: World
) -> None:
    first = world.ids["approval_id"]
    with transaction():
        second = make_approval(world.ids["invoice_id"], world.logins[TREASURER], 2_000).id
        too_much = make_approval(world.ids["invoice_id"], world.logins[TREASURER], 34_000).id
    enter(client, world.logins[ADMIN])
    ids = [first, second, too_much]
    preview = client.get(path(world, "together?" + "&".join(f"pick={one}" for one in ids)))
    assert "Approve 3 requests, $420.00 in all" in preview.text
    seen = re.findall(r'name="seen" value="([^"]+)"', preview.text)

    outcome = client.post(path(world, "together"), data={"seen": seen})

    assert outcome.status_code == 200 and "2 of 3 approved now" in outcome.text
    assert "more than is still owed" in outcome.text
    assert owed(world) == 34_000 - 8_000
    again = client.post(path(world, "together"), data={"seen": seen})
    assert "0 of 3 approved now" in again.text
    assert again.text.count("already approved by Pi Chi national admin") == 2
    assert owed(world) == 34_000 - 8_000


def test_nothing_forged_is_approved_together(client: FlaskClient, world: World) -> None:
    elsewhere = make_world("Elsewhere").ids["approval_id"]
    tenancy.enter(world.organization.id)
    enter(client, world.logins[ADMIN])
    seen = ["nonsense", f"{elsewhere}:{'0' * 64}", f"{world.ids['approval_id']}:{'0' * 64}"]
    answer = client.post(path(world, "together"), data={"seen": seen})
    assert answer.status_code == 200 and "0 of 1 approved now" in answer.text
    assert stored(world).state is ApprovalState.PENDING


def test_the_list_is_a_file_as_well(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[ADMIN])
    lines = client.get(path(world, "?format=csv")).text.splitlines()
    assert lines[0].startswith("asked_at,action,member_number")
    own = ",6000,60.00,USD,0,pending,Pi Chi treasurer,Paid at the door.,"
    assert len([line for line in lines if own in line]) == 1


def test_large_decisions_ask_again_who_is_there(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[ADMIN])
    with transaction() as session:
        session.execute(update(LoginSession).values(confirmed_at=now() - timedelta(minutes=16)))
    asked = approve(client, world)
    assert asked.status_code == 403 and "Confirm it" in asked.text
    assert stored(world).state is ApprovalState.PENDING


def test_who_decides_in_an_admins_place_signs_in_as_an_admin_does(client: FlaskClient, world: World) -> None:
    today = world.organization.today
    with transaction():
        delegation.delegate(world.logins[NEIGHBOUR], until=today, by=world.logins[ADMIN], on=today)
    enter(client, world.logins[NEIGHBOUR])
    with transaction() as session:
        session.execute(update(LoginSession).values(methods=[Method.MEMORIZED]))
    asked = approve(client, world)
    assert asked.status_code == 303 and "/second-" in asked.location
    assert stored(world).state is ApprovalState.PENDING


def test_a_member_who_may_decide_finds_the_queue_in_the_own_menu(client: FlaskClient, world: World) -> None:
    home = f"/o/{world.organization.slug}/my/"
    enter(client, world.logins[MEMBER])
    assert path(world) not in client.get(home).text
    factories.make_role(world.logins[MEMBER], RoleName.NATIONAL_ADMIN)
    enter(client, world.logins[MEMBER])
    assert path(world) in client.get(home).text


def test_removing_a_role_withdraws_what_was_asked_by_it(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[ADMIN])
    address = f"/o/{world.organization.slug}/national/people/roles/{world.ids['role_id']}/removal"
    assert client.post(address).status_code == 303
    assert stored(world).state is ApprovalState.WITHDRAWN
    page = client.get(one(world)).text
    assert "may not ask for it any more" in page and "nobody has to decide it any more" in page
