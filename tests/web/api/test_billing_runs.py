"""Programs that bill: previews, runs, who is left out, and taking it all back."""

from typing import Any

from tests import factories
from tests.jobs import JobRunner
from tests.web.api.conftest import Program, program
from tests.web.api.test_tokens import is_problem
from webapp.domain.organizations import Chapter, Member, RoleName


def test_a_period_is_billed_watched_and_undone_by_somebody_else(
    admin: Program, client: Any, member: Member, jobs: JobRunner
) -> None:
    assert admin.patch("dues-settings/", {"default_amount": 40_000}).json["default_amount"] == 40_000
    period = admin.post("billing-periods/generate", {"year": 2027}).json["data"][0]
    order = {"period_id": period["id"]}
    seen = admin.post("billing-runs/preview", order).json
    assert (seen["invoices"], seen["total"], seen["currency"]) == (1, 40_000, "USD")
    confirmed = admin.post("billing-runs/", order)
    assert (confirmed.status_code, confirmed.json["state"]) == (202, "confirmed")
    jobs.run_all()
    run = f"billing-runs/{confirmed.json['id']}/"
    watched = admin.get(run).json
    assert (watched["state"], watched["invoiced"], watched["total"]) == ("done", 1, 40_000)
    assert is_problem(admin.post(run + "undo", {"reason": "Wrong rate"}), 403, "not-allowed")
    second = program(client, admin.organization, RoleName.NATIONAL_ADMIN)
    assert second.post(run + "undo", {"reason": "Wrong rate"}).status_code == 202
    jobs.run_all()
    assert admin.get(run).json["state"] == "undone"
    assert [one["status"] for one in admin.get("invoices/").json["data"]] == ["void"]


def test_whom_a_run_leaves_out_is_named_before_and_afterwards(
    admin: Program, chapter: Chapter, member: Member, jobs: JobRunner
) -> None:
    admin.patch("dues-settings/", {"default_amount": 40_000})
    idle = factories.make_status("honorary", billable=False)
    honored = [factories.make_member(chapter, idle) for _ in range(2)]
    period = admin.post("billing-periods/generate", {"year": 2027}).json["data"][0]
    order = {"period_id": period["id"]}

    foreseen = admin.post("billing-runs/preview", order).json["left_out"]
    run = admin.post("billing-runs/", order).json["id"]
    jobs.run_all()
    first = admin.get(f"billing-runs/{run}/left-out/?limit=1").json
    second = admin.get(f"billing-runs/{run}/left-out/?limit=1&cursor={first['next_cursor']}").json

    assert foreseen == [*first["data"], *second["data"]] and second["next_cursor"] is None
    assert [one["member_id"] for one in foreseen] == [str(one.id) for one in reversed(honored)]
    assert {one["reason"] for one in foreseen} == {"status_not_billable"}


def test_an_order_of_what_was_not_seen_is_refused_with_what_it_would_do_now(
    admin: Program, chapter: Chapter, member: Member, jobs: JobRunner
) -> None:
    admin.patch("dues-settings/", {"default_amount": 40_000})
    period = admin.post("billing-periods/generate", {"year": 2027}).json["data"][0]
    order = {"period_id": period["id"]}
    seen = admin.post("billing-runs/preview", order).json["seen"]
    factories.make_member(chapter, factories.make_status("associate"))

    refused = admin.post("billing-runs/", order | {"seen": seen}, key="order")
    assert is_problem(refused, 409, "preview-changed")
    assert "Invoices: 2 instead of 1." in refused.json["detail"]
    now = refused.json["preview"]
    assert (now["invoices"], now["total"]) == (2, 80_000)
    assert admin.get("billing-runs/").json["data"] == []
    assert is_problem(admin.post("billing-runs/", order | {"seen": "nonsense"}), 422, "invalid")

    confirmed = admin.post("billing-runs/", order | {"seen": now["seen"]}, key="order")
    assert confirmed.status_code == 202


def test_a_run_is_cancelled_once(admin: Program, member: Member, jobs: JobRunner) -> None:
    admin.patch("dues-settings/", {"default_amount": 40_000})
    period = admin.post("billing-periods/generate", {"year": 2027}).json["data"][0]
    address = f"billing-runs/{admin.post('billing-runs/', {'period_id': period['id']}).json['id']}/"
    cancelled = admin.post(address + "cancel")
    assert (cancelled.status_code, cancelled.json["state"]) == (202, "cancelled")
    assert cancelled.json["cancelled_at"] is not None
    assert is_problem(admin.post(address + "cancel"), 409, "conflict")
    jobs.run_all()
    assert admin.get("invoices/").json["data"] == []
