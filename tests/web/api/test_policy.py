"""Which role may do what, and that no id of another organization opens anything, wherever it stands."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests.lines import Lines
from tests.statements import gives_away
from tests.web.api.conftest import Program, operations, program
from tests.web.api.test_tokens import ELSEWHERE, fill, is_problem
from tests.web.world import World
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.domain.organizations import ApiToken, Login, Member, Role, RoleName, roles
from webapp.web.api.operations import Operation

N, A, T, M = RoleName.NATIONAL_ADMIN, RoleName.AUDITOR, RoleName.TREASURER, RoleName.MEMBER
POLICY: dict[str, set[RoleName]] = {
    "list_organizations": {N, A, T, M},
    "read_dues_settings": {N, A, T},
    "change_dues_settings": {N},
    "list_processors": {N, A},
    "connect_processor": {N},
    "read_processor": {N, A},
    "change_processor": {N},
    "disconnect_processor": {N},
    "reconnect_processor": {N},
    "test_processor": {N},
    "list_invoices": {N, A, T, M},
    "list_chapter_invoices": {N, A, T},
    "read_invoice": {N, A, T, M},
    "pay_invoice": {N, T, M},
    "make_pay_link": {N, T},
    "void_invoice": {N, T},
    "adjust_invoice": {N, T},
    "list_bulk_actions": {N, A, T},
    "choose_for_bulk_action": {N, T},
    "choose_for_statement_mailing": {N, T},
    "read_bulk_action": {N, A, T},
    "preview_bulk_action": {N, T},
    "start_bulk_action": {N, T},
    "stop_bulk_action": {N, T},
    "retry_bulk_action": {N, T},
    "list_bulk_results": {N, A, T},
    "list_adjustments": {N, A, T, M},
    "read_adjustment": {N, A, T, M},
    "list_chapters": {N, A, T},
    "add_chapter": {N},
    "read_chapter": {N, A, T},
    "change_chapter": {N},
    "list_members": {N, A, T},
    "add_member": {N, T},
    "read_member": {N, A, T, M},
    "change_member": {N, T},
    "read_member_balance": {N, A, T, M},
    "read_standing": {N, A, T, M},
    "list_standings": {N, A, T},
    "grant_standing": {N},
    "end_granted_standing": {N},
    "list_statuses": {N, A, T},
    "add_status": {N},
    "read_status": {N, A, T},
    "change_status": {N},
    "remove_status": {N},
    "list_rates": {N, A, T},
    "set_rate": {N},
    "read_current_rate": {N, A, T},
    "read_rate": {N, A, T},
    "list_periods": {N, A, T},
    "add_period": {N},
    "generate_periods": {N},
    "read_period": {N, A, T},
    "change_period": {N},
    "close_period": {N},
    "list_schedules": {N, A, T},
    "add_schedule": {N},
    "read_schedule": {N, A, T},
    "change_schedule": {N},
    "list_billing_runs": {N, A},
    "preview_billing_run": {N},
    "confirm_billing_run": {N},
    "read_billing_run": {N, A},
    "list_left_out": {N, A},
    "undo_billing_run": {N},
    "cancel_billing_run": {N},
    "list_payments": {N, A, T, M},
    "record_payment": {N, T},
    "read_payment": {N, A, T, M},
    "preview_payment": {N, T},
    "reverse_payment": {N, T},
    "list_receipt_batches": {N, A, T},
    "draft_receipt_batch": {N, T},
    "read_receipt_batch": {N, A, T},
    "post_receipt_batch": {N, T},
    "discard_receipt_batch": {N, T},
    "refund_invoice": {N, T},
    "list_refunds": {N, A, T, M},
    "read_refund": {N, A, T, M},
    "settle_failed_refund": {N, T},
    "list_disputes": {N, A, T},
    "read_dispute": {N, A, T},
    "read_dispute_records": {N, A, T},
    "answer_dispute": {N, T},
    "accept_dispute": {N, T},
    "read_chapter_ledger": {N, A, T},
    "read_aging": {N, A, T},
    "read_collections": {N, A, T},
    "read_aging_trend": {N, A, T},
    "read_statement": {N, A, T, M},
    "list_late_fees": {N, A, T},
    "preview_late_fees": {N, A, T},
    "list_fiscal_years": {N, A},
    "change_fiscal_years": {N},
    "read_year_end_checklist": {N, A},
    "close_fiscal_year": {N},
    "reopen_fiscal_year": {N},
    "read_income_statement": {N, A},
    "read_balance_sheet": {N, A},
    "read_reminder_sequence": {N, A, T},
    "set_reminder_sequence": {N},
    "read_trial_balance": {N, A},
    "rank_chapter_health": {N, A, T},
    "read_health_method": {N, A, T},
    "read_chapter_health": {N, A, T},
    "list_snapshots": {N, A, T},
    "take_snapshot": {N},
    "read_snapshot": {N, A, T},
    "list_snapshot_members": {N, A, T},
    "compare_snapshots": {N, A, T},
    "list_closed_books": {N, A, T},
    "close_books": {N},
    "reopen_books": {N},
    "list_roster_imports": {N, A, T},
    "import_roster": {N, T},
    "read_roster_import": {N, A, T},
    "map_roster_columns": {N, T},
    "check_roster_import": {N, T},
    "correct_roster_rows": {N, T},
    "start_roster_import": {N, T},
    "list_refused_rows": {N, A, T},
    "list_rows_not_undone": {N, A, T},
    "undo_roster_import": {N, T},
    "list_credit_notes": {N, A, T, M},
    "give_credit": {N, T},
    "read_credit_note": {N, A, T, M},
    "apply_credit_note": {N, T},
    "release_credit_note": {N, T},
    "withdraw_credit_note": {N, T},
    "undo_credit_application": {N, T},
    "undo_allocation": {N, T},
    "list_payment_plans": {N, A, T, M},
    "read_payment_plan": {N, A, T, M},
    "preview_payment_plan": {N, T},
    "propose_payment_plan": {N, T},
    "accept_payment_plan": {N, T},
    "refuse_payment_plan": {N, T},
    "cancel_payment_plan": {N, T},
    "read_autopay": {N, A, T, M},
    "turn_autopay_on": {M},
    "turn_autopay_off": {M},
    "list_saved_methods": {N, A, T, M},
    "remove_saved_method": {M},
    "send_payment_receipt": {N, T},
    "read_audit_trail": {N, A},
    "read_seals": {N, A},
    "list_approval_requests": {N, A, T},
    "read_approval_request": {N, A, T},
    "approve_request": {N, T},
    "deny_request": {N, T},
    "hold_request": {N, T},
    "ask_back_about_request": {N, T},
    "answer_about_request": {N, T},
    "withdraw_request": {N, T},
    "read_approval_policy": {N, A, T},
    "change_approval_policy": {N},
}
"""Everybody else's token gets a 403. An operation that is not here makes the test fail."""

OPERATIONS = operations()
IN_PATH = re.compile(r"<(?:uuid:)?(?!organization_id)(\w+)>")
PAGED = [one for one in OPERATIONS if one.query and "cursor" in one.query.fields]


def speaking(client: FlaskClient, world: World, role: RoleName) -> Program:
    """A program with this role in this world; a member's token is what an older one may have become."""
    with tenancy.acting_for(world.organization.id):
        if role is not M:
            return program(client, world.organization, role, world.chapter if role is T else None)
        made = program(client, world.organization, A)
        with transaction() as session:
            token = max(ApiToken.here().all(), key=lambda one: one.id)
            login = session.get_one(Login, token.login_id)
            roles.remove(Role.here().all(Role.login_id == login.id)[0], by=None)
            roles.grant(login, M, member=Member.here().get(world.ids["member_id"]), by=None)
        return made


def asked(one: Operation, ids: dict[str, Any]) -> str:
    """Its path with these ids, and what it can't be asked without."""
    return fill(one.path, **ids) + ("?status=undergraduate" if one.name == "read_current_rate" else "")


@pytest.fixture
def own_ids(world: World) -> dict[str, Any]:
    return {name: value for name, value in world.ids.items() if name.endswith("_id")}


@pytest.fixture
def foreign_ids(world: World, elsewhere: World) -> dict[str, Any]:
    """Theirs, but for the organization itself: so the id alone is foreign."""
    return elsewhere.ids | {"organization_id": world.organization.id}


@pytest.mark.case("A4")
@pytest.mark.parametrize("role", [N, A, T, M])
def test_each_role_may_do_exactly_what_the_policy_says(
    client: FlaskClient, world: World, role: RoleName
) -> None:
    """Asked with nobody's ids and an empty body, so that nothing is done: only who asks decides."""
    asking = speaking(client, world, role)
    may = {
        one.name
        for one in OPERATIONS
        if asking.send(one.method, fill(one.path, organization_id=world.organization.id), {}).status_code
        != 403
    }
    assert may == {name for name, allowed in POLICY.items() if role in allowed}


@pytest.mark.case("A4")
@pytest.mark.parametrize("role", [N, A, T, M])
def test_each_role_reads_the_own_rows(
    client: FlaskClient, world: World, own_ids: dict[str, Any], role: RoleName
) -> None:
    asking = speaking(client, world, role)
    readable = [one for one in OPERATIONS if not one.writes and role in POLICY[one.name]]
    failed = {one.name: asking.get(asked(one, own_ids)).status_code for one in readable}
    assert {name: status for name, status in failed.items() if status != 200} == {}


@pytest.mark.case("A1")
@pytest.mark.parametrize("role", [N, A, T, M])
def test_a_foreign_id_in_the_path_is_not_there_for_any_role(
    client: FlaskClient,
    world: World,
    own_ids: dict[str, Any],
    foreign_ids: dict[str, Any],
    written: Lines,
    role: RoleName,
) -> None:
    """Nor does it cost more than an id that nobody has; the log has a line for each try."""
    asking = speaking(client, world, role)
    for one in OPERATIONS:
        for name in IN_PATH.findall(one.path):
            status = 404 if role in POLICY[one.name] else 403
            body = READABLE.get(one.name, {} if one.takes else None)

            def send(row_id: UUID, one: Operation = one, name: str = name, body: Any = body) -> Any:
                return asking.send(one.method, asked(one, own_ids | {name: row_id}), body)

            answer = send(foreign_ids[name])
            assert answer.status_code == status, f"{one.name}: {answer.text}"
            line = written()[-1]
            assert line["problem"] == answer.json["type"].rpartition("/")[2]
            assert str(foreign_ids[name]) in line["asked"], one.name
            if status == 404:
                assert not gives_away(send, foreign_ids[name]), one.name


@pytest.mark.case("K14", "A1")
@pytest.mark.parametrize("role", [N, A, T, M])
def test_another_organization_is_not_there_for_any_role(
    client: FlaskClient, world: World, elsewhere: World, role: RoleName
) -> None:
    asking = speaking(client, world, role)
    for one in OPERATIONS:
        if "organization_id" in one.path:
            answer = asking.send(one.method, asked(one, elsewhere.ids), {} if one.takes else None)
            assert is_problem(answer, 404, "not-found"), one.name


WAIVER = {"type": "waiver", "amount": 100, "reason": "Not mine"}
READABLE: dict[str, Any] = {
    "map_roster_columns": {"overwrite": True},
    "correct_roster_rows": {"rows": [{"line": 2, "values": ["Mine"]}]},
    "void_invoice": {"reason": "Not mine"},
    "reverse_payment": {"reason": "Not mine"},
    "adjust_invoice": WAIVER,
    "refund_invoice": {"amount": 100, "reason": "Not mine"},
    "change_chapter": {"name": "Mine now"},
    "start_bulk_action": {"seen": ",:1,100"},
    "change_member": {"last_name": "Mine"},
    "change_status": {"label": "Mine"},
    "change_schedule": {"active": False},
    "change_period": {"name": "Mine"},
    "change_processor": {"name": "Mine"},
    "undo_billing_run": {"reason": "Not mine"},
    "approve_request": {"order_digest": "0" * 64},
    "deny_request": {"remark": "Not mine"},
    "hold_request": {"remark": "Not mine"},
    "ask_back_about_request": {"remark": "Not mine"},
    "answer_about_request": {"remark": "Not mine"},
    "release_credit_note": {"amount": 100, "reason": "Left the chapter"},
    "answer_dispute": {"statement": "Not mine"},
    "grant_standing": {"until": "2027-01-01", "reason": "Not mine"},
    "reopen_books": {"reason": "Not mine"},
    "reopen_fiscal_year": {"reason": "Not mine"},
    "withdraw_credit_note": {"reason": "Not mine"},
    "refuse_payment_plan": {"reason": "Not mine"},
    "cancel_payment_plan": {"reason": "Not mine"},
    "turn_autopay_on": {"words": "Not mine"},
}
"""A body that would do, where one is needed before the id is looked for."""


@dataclass(frozen=True)
class Place:
    """Where an id stands beside the path, and the rest of a request that would do."""

    operation: str
    name: str
    rest: dict[str, Any]
    kind: str = ""


MEMBER = {"number": "NEW1", "first_name": "Ada", "last_name": "Byron", "status": "undergraduate"}
SCHEDULE = {"name": "Roof", "kind": "special_assessment", "basis": "flat", "amount": 100}
PAID = {"member_id": "member_id", "amount": 100, "method": "cash", "allocation": "specific"}
BATCH = {
    "method": "check",
    "deposit_reference": "D-1",
    "expected_count": 1,
    "expected_total": 100,
    "lines": [{"member": "N1", "amount": 100}],
}
BY_CHECK = {"amount": 100, "reason": "Left the chapter", "how": "check", "check_number": "2041"}
PLAN = {"starts_on": str(date.today() + timedelta(days=30)), "payment_day": 31, "installments": 2}
PLAN |= {"member_id": "member_id", "invoice_ids": ["invoice_id"]}
IN_BODIES = [
    Place("add_member", "chapter_id", MEMBER),
    Place("change_member", "chapter_id", {}),
    Place("set_rate", "chapter_id", {"status": "undergraduate", "amount": 1}),
    Place("add_schedule", "chapter_id", SCHEDULE),
    Place("add_schedule", "period_id", SCHEDULE),
    Place("preview_billing_run", "period_id", {}),
    Place("preview_billing_run", "schedule_id", {"period_id": "period_id"}),
    Place("confirm_billing_run", "period_id", {}),
    Place("confirm_billing_run", "schedule_id", {"period_id": "period_id"}),
    Place("record_payment", "member_id", {"amount": 100, "method": "cash"}),
    Place("record_payment", "invoice_id", PAID),
    Place("record_payment", "invoices", PAID, "invoice_id"),
    Place("preview_payment", "member_id", {"amount": 100, "method": "cash"}),
    Place("preview_payment", "invoice_id", PAID),
    Place("preview_payment", "invoices", PAID, "invoice_id"),
    Place("draft_receipt_batch", "chapter_id", BATCH),
    Place("choose_for_bulk_action", "invoice_ids", {"kind": "void"}, "invoice_id"),
    Place("choose_for_statement_mailing", "chapter_ids", {"readers": "everybody"}, "chapter_id"),
    Place("adjust_invoice", "payment_id", WAIVER),
    Place("refund_invoice", "payment_id", BY_CHECK),
    Place("give_credit", "member_id", {"amount": 100, "reason": "The hall was closed"}),
    Place("apply_credit_note", "invoice_id", {"allocation": "specific"}),
    Place("apply_credit_note", "invoices", {"allocation": "specific"}, "invoice_id"),
    *(
        Place(operation, name, PLAN, kind)
        for operation in ("preview_payment_plan", "propose_payment_plan")
        for name, kind in (
            ("member_id", ""),
            ("invoice_ids", "invoice_id"),
            ("replaces_id", "plan_id"),
        )
    ),
]
IN_QUERIES = [
    Place("list_invoices", "member", {}, "member_id"),
    Place("list_chapter_invoices", "member", {}, "member_id"),
    Place("list_members", "chapter", {}, "chapter_id"),
    Place("list_standings", "chapter", {}, "chapter_id"),
    Place("list_snapshot_members", "chapter", {}, "chapter_id"),
    Place("list_snapshot_members", "pledge_class", {}, "pledge_class_id"),
    Place("compare_snapshots", "chapter", {}, "chapter_id"),
    Place("compare_snapshots", "pledge_class", {}, "pledge_class_id"),
    Place("read_current_rate", "chapter", {"status": "undergraduate"}, "chapter_id"),
    Place("list_payments", "member", {}, "member_id"),
    Place("list_adjustments", "member", {}, "member_id"),
    Place("list_adjustments", "invoice", {}, "invoice_id"),
    Place("list_late_fees", "member", {}, "member_id"),
    Place("list_refunds", "member", {}, "member_id"),
    Place("list_credit_notes", "member", {}, "member_id"),
    Place("list_payment_plans", "member", {}, "member_id"),
    Place("list_saved_methods", "member", {}, "member_id"),
    Place("list_refunds", "invoice", {}, "invoice_id"),
    *(
        Place(operation, name, {}, f"{name}_id")
        for operation in ("read_collections", "read_aging_trend")
        for name in ("chapter", "pledge_class")
    ),
    Place("read_collections", "period", {}, "period_id"),
    Place("read_audit_trail", "subject", {}, "invoice_id"),
    Place("list_approval_requests", "member", {}, "member_id"),
    Place("list_approval_requests", "chapter", {}, "chapter_id"),
]


def test_every_place_where_an_id_stands_is_tried() -> None:
    found = {
        (one.name, name)
        for one in OPERATIONS
        for shape in (one.takes, one.query)
        for name, field in (shape.fields if shape else {}).items()
        if "uuid" in str(field.schema)
    }
    assert found == {(place.operation, place.name) for place in IN_BODIES + IN_QUERIES}


@pytest.mark.case("A1")
@pytest.mark.parametrize("place", IN_BODIES, ids=lambda place: f"{place.operation}-{place.name}")
def test_a_foreign_id_in_a_body_is_answered_like_an_id_that_nobody_has(
    client: FlaskClient, world: World, elsewhere: World, own_ids: dict[str, Any], place: Place
) -> None:
    admin, operation = speaking(client, world, N), named(place.operation)
    kind = place.kind or place.name
    rest = {name: named_by(own_ids, value) for name, value in place.rest.items()}

    def send(row_id: Any) -> Any:
        value = {
            "invoices": [{"invoice_id": str(row_id), "amount": 100}],
            "invoice_ids": [str(row_id)],
            "chapter_ids": [str(row_id)],
        }.get(place.name, str(row_id))
        return admin.send(operation.method, asked(operation, own_ids), rest | {place.name: value})

    theirs, nobodys = send(elsewhere.ids[kind]), send(ELSEWHERE)
    assert is_problem(theirs, 422, "invalid") and list(theirs.json["errors"]) == [place.name]
    assert theirs.json | {"request_id": ""} == nobodys.json | {"request_id": ""}
    assert send(own_ids[kind]).status_code < 300


@pytest.mark.case("A1")
@pytest.mark.parametrize("place", IN_QUERIES, ids=lambda place: f"{place.operation}-{place.name}")
def test_a_foreign_id_in_a_query_is_answered_like_an_id_that_nobody_has(
    client: FlaskClient, world: World, elsewhere: World, own_ids: dict[str, Any], place: Place
) -> None:
    admin, operation = speaking(client, world, N), named(place.operation)
    path = fill(operation.path, **own_ids)

    def ask(row_id: Any) -> Any:
        return admin.get(path, query_string=place.rest | {place.name: str(row_id)})

    theirs, nobodys, own = ask(elsewhere.ids[place.kind]), ask(ELSEWHERE), ask(own_ids[place.kind])
    assert theirs.json.get("data", []) == [] and own.status_code == 200
    assert (theirs.status_code, theirs.json | {"request_id": ""}) == (
        nobodys.status_code,
        nobodys.json | {"request_id": ""},
    )


def named_by(ids: dict[str, Any], value: Any) -> Any:
    """The id of this name, or what stands there itself; in a list as well."""
    if isinstance(value, list):
        return [named_by(ids, one) for one in value]
    return str(ids[value]) if isinstance(value, str) and value in ids else value


def named(name: str) -> Operation:
    return next(one for one in OPERATIONS if one.name == name)


@pytest.mark.case("A1", "A4")
def test_a_revoked_token_and_none_at_all_open_nothing(
    client: FlaskClient, world: World, own_ids: dict[str, Any]
) -> None:
    revoked = speaking(client, world, N)
    with tenancy.acting_for(world.organization.id), transaction() as session:
        token = max(ApiToken.here().all(), key=lambda one: one.id)
        token.revoke(by=session.get_one(Login, token.login_id))
    for one in OPERATIONS:
        assert is_problem(revoked.send(one.method, asked(one, own_ids)), 401, "token-needed")
        assert is_problem(client.open(asked(one, own_ids), method=one.method), 401, "token-needed")


@pytest.mark.parametrize("one", PAGED, ids=lambda one: one.name)
def test_every_list_is_bounded_and_refuses_a_cursor_it_never_gave(
    client: FlaskClient, world: World, own_ids: dict[str, Any], one: Operation
) -> None:
    admin = speaking(client, world, N)
    path = fill(one.path, **own_ids)
    for wrong in ("limit=0", "limit=201", "limit=x", "cursor=", "cursor=nonsense", "cursor=" + "!" * 22):
        answer = admin.get(f"{path}?{wrong}")
        assert is_problem(answer, 422, "invalid")
        assert list(answer.json["errors"]) == [wrong.partition("=")[0]]
    first = admin.get(f"{path}?limit=1").json
    assert len(first["data"]) <= 1
    if first["next_cursor"]:
        following = admin.get(path, query_string={"limit": 1, "cursor": first["next_cursor"]})
        assert following.status_code == 200 and following.json["data"] != first["data"]


def test_every_list_pages_by_cursor() -> None:
    lists = {one.name for one in OPERATIONS if one.gives and one.gives.name.endswith("Page")}
    assert lists <= {one.name for one in PAGED}
