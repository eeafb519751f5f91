"""The national office sets dues, looks at a preview, bills, watches and takes a run back."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict
from webapp.domain.billing import undoing
from webapp.domain.billing.invoice import Invoice
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.rates import DuesRate
from webapp.domain.billing.run import BillingRun, RunState
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.billing.settings import Cadence, DuesSettings
from webapp.domain.organizations import Member, MemberStatus, RoleName


@pytest.fixture
def national(organization) -> str:
    return f"/o/{organization.slug}/national"


@pytest.fixture
def admin(organization):
    return factories.make_admin("Nora Admin")


@pytest.fixture
def office(client, admin, sign_in):
    sign_in(client, admin)
    return client


@pytest.fixture
def roster(organization):
    chapter, status = factories.make_chapter(), factories.make_status()
    members = [factories.make_member(chapter, status) for _ in range(3)]
    factories.make_member(chapter, factories.make_status("retiree", billable=False))
    factories.make_rate(status, 40_000)
    return members


PAGES = ["dues-settings/", "rates/", "periods/", "schedules/", "billing-runs/"]


@pytest.mark.parametrize(
    ("page", "where"),
    [("rates/", "Settings"), ("imports/", "Members"), ("journal/", "Ledger"), ("tokens/", "People")],
)
def test_the_menu_says_where_a_page_belongs(office, national, page, where):
    menu = office.get(f"{national}/{page}").text.partition('aria-label="Main"')[2].partition("</nav>")[0]
    assert re.findall(r'aria-current="page">([^<]+)', menu) == [where]


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_open_for_the_office_and_for_auditors_and_hide_from_strangers(
    office, app, national, sign_in, page
):
    assert office.get(f"{national}/{page}").status_code == 200

    auditor = factories.make_login("Olga Auditor")
    factories.make_role(auditor, RoleName.AUDITOR)
    reader = app.test_client()
    sign_in(reader, auditor)
    assert reader.get(f"{national}/{page}").status_code == 200
    assert reader.post(f"{national}/{page}").status_code == 403

    stranger = app.test_client()
    sign_in(stranger, factories.make_login("Sam Stranger"))
    assert stranger.get(f"{national}/{page}").status_code == 404


def test_settings_are_saved_and_bad_ones_stay_as_they_were_typed(office, national, organization):
    good = {
        "cadence": "monthly",
        "default_amount": "$ 1,250.5",
        "due_after_days": "14",
        "grace_days": "5",
        "late_fee_kind": "",
        "refund_cap": "50",
        "reminder_days": "-7, 0, 14",
        "card_retry_days": "3",
        "plan_tolerance_days": "7",
        "standing_after_days": "30",
    }
    answer = office.post(
        f"{national}/dues-settings/", data=good | {"default_amount": "lots", "grace_days": "7"}
    )
    assert answer.status_code == 422
    assert 'value="lots"' in answer.text
    assert 'value="7"' in answer.text

    assert office.post(f"{national}/dues-settings/", data=good).status_code == 303
    saved = DuesSettings.of(organization)
    db.session.refresh(saved)
    assert (saved.cadence, saved.default_amount, saved.reminder_days) == (
        Cadence.MONTHLY,
        125_050,
        [-7, 0, 14],
    )


def test_a_rate_is_set_and_an_overlap_is_refused_with_a_sentence(office, national, organization):
    status = factories.make_status()
    data = {"status": str(status.id), "chapter": "", "amount": "400", "starts_on": "2026-07-01"}
    assert office.post(f"{national}/rates/", data=data).status_code == 303
    assert [rate.amount for rate in DuesRate.here().all()] == [40_000]

    refused = office.post(f"{national}/rates/", data=data | {"starts_on": "2026-01-01", "amount": "350"})
    assert refused.status_code == 422
    assert "This overlaps the rate that applies from 2026-07-01." in refused.text
    assert 'value="350"' in refused.text


def test_a_year_of_periods_is_made_once_and_a_past_one_closed_by_name(office, admin, national, organization):
    assert office.post(f"{national}/periods/year", data={"year": "2025"}).status_code == 303
    assert office.post(f"{national}/periods/year", data={"year": "2025"}).status_code == 303
    spring, fall = BillingPeriod.here().all(order_by=BillingPeriod.starts_on)
    assert (spring.code, fall.code) == ("2025-spring", "2025-fall")

    assert "Close Spring 2025?" in office.get(f"{national}/periods/{spring.id}/closing").text
    assert office.post(f"{national}/periods/{spring.id}/closing").status_code == 303
    db.session.refresh(spring)
    assert spring.closed_by_id == admin.id
    assert spring.closed_at is not None


def test_a_schedule_is_added_retired_and_brought_back(office, national, organization):
    data = {"name": "Roof", "kind": "special_assessment", "basis": "share", "amount": ""}
    refused = office.post(f"{national}/schedules/", data=data)
    assert refused.status_code == 422
    assert "Enter an amount above zero." in refused.text
    assert office.post(f"{national}/schedules/", data=data | {"amount": "10,000"}).status_code == 303
    roof = AssessmentSchedule.here().first(AssessmentSchedule.name == "Roof")
    assert roof is not None
    office.post(f"{national}/schedules/{roof.id}/retirement")
    db.session.refresh(roof)
    assert not roof.active
    office.post(f"{national}/schedules/{roof.id}/return")
    db.session.refresh(roof)
    assert roof.active


def test_a_run_is_previewed_confirmed_watched_and_summed_up(office, national, roster, jobs):
    period, schedule = factories.make_period(), factories.standard_schedule()
    chosen = {"schedule": str(schedule.id), "period": str(period.id)}
    shown = office.get(f"{national}/billing-runs/preview", query_string=chosen).text
    assert "$1,200.00" in shown
    assert "Status is not billed" in shown
    who = office.get(f"{national}/billing-runs/preview/omissions", query_string=chosen).text
    [retired] = Member.here().all(Member.id.not_in([one.id for one in roster]))
    assert retired.number in who and "Status is not billed" in who
    assert not any(one.number in who for one in roster)
    assert office.get(f"{national}/billing-runs/preview/omissions").status_code == 404
    assert Invoice.here().all() == []

    unseen = office.post(f"{national}/billing-runs/", data=chosen)
    assert unseen.status_code == 422
    assert "Look at the preview first." in unseen.text
    answer = office.post(f"{national}/billing-runs/", data=chosen | {"seen": word_of(shown)})
    assert answer.status_code == 303
    address = answer.headers["Location"]
    under_way = office.get(address, headers={"HX-Request": "true"}).text
    assert 'hx-trigger="every 2s"' in under_way
    assert "<html" not in under_way

    jobs.run_all()

    done = office.get(address, headers={"HX-Request": "true"}).text
    assert "hx-trigger" not in done
    assert "$1,200.00" in done
    left_out = office.get(f"{address}omissions?format=csv").text
    assert "Status is not billed" in left_out
    assert len(Invoice.here().all()) == 3


def word_of(preview: str) -> str:
    """What the page sends along to say which preview it was."""
    return re.findall(r'name="seen" value="([^"]+)"', preview)[0]


def test_a_preview_that_has_changed_says_what_and_asks_again(office, national, roster):
    period, schedule = factories.make_period(), factories.standard_schedule()
    chosen = {"schedule": str(schedule.id), "period": str(period.id)}
    shown = office.get(f"{national}/billing-runs/preview", query_string=chosen).text
    factories.make_rate(MemberStatus.here().get(roster[0].status_id), 45_000)

    again = office.post(
        f"{national}/billing-runs/", data=chosen | {"seen": word_of(shown), "form_key": "first"}
    )
    assert again.status_code == 409
    assert "This has changed since you looked" in again.text
    assert "Total: 1350.00 USD instead of 1200.00 USD." in again.text
    assert "Bill 3 members" in again.text
    assert BillingRun.here().all() == []
    data = chosen | {"seen": word_of(again.text), "form_key": "second"}
    assert office.post(f"{national}/billing-runs/", data=data).status_code == 303


def test_a_run_is_cancelled_with_a_button_and_says_so(office, admin, national, roster, jobs):
    period, schedule = factories.make_period(), factories.standard_schedule()
    chosen = {"schedule": str(schedule.id), "period": str(period.id)}
    shown = office.get(f"{national}/billing-runs/preview", query_string=chosen).text
    address = office.post(f"{national}/billing-runs/", data=chosen | {"seen": word_of(shown)}).headers[
        "Location"
    ]
    assert "Cancel this run" in office.get(address).text

    assert office.post(f"{address}cancellation").status_code == 303
    jobs.run_all()

    page = office.get(address).text
    assert "Cancelled by Nora Admin" in page
    assert "Cancel this run" not in page
    assert Invoice.here().all() == []
    assert office.post(f"{address}cancellation").status_code == 409


def test_a_second_person_undoes_a_run_with_a_reason(office, admin, app, national, roster, jobs, sign_in):
    done = factories.bill(factories.make_period(), by=admin)
    db.session.rollback()
    address = f"{national}/billing-runs/{done.id}/undoing"
    assert office.post(address, data={"reason": "Wrong rates"}).status_code == 403

    second = app.test_client()
    sign_in(second, factories.make_admin("Otto Admin"))
    assert second.post(address, data={"reason": ""}).status_code == 422
    assert second.post(address, data={"reason": "Wrong rates"}).status_code == 303
    jobs.run_all()
    undone = BillingRun.here().get(done.id)
    db.session.refresh(undone)
    assert undone.state is RunState.UNDONE
    assert "Undone by Otto Admin" in second.get(f"{national}/billing-runs/{done.id}/").text


def test_a_closed_period_is_refused_with_a_sentence(office, admin, national, roster, organization):
    period = factories.make_period("2025-x", starts_on=date(2025, 1, 1), ends_on=date(2025, 6, 30))
    chosen = {"schedule": str(factories.standard_schedule().id), "period": str(period.id)}
    with transaction():
        BillingPeriod.here().get(period.id).close(by=admin, on=date(2026, 1, 1))
    assert office.post(f"{national}/billing-runs/", data=chosen).status_code == 422


def test_nobody_undoes_a_run_that_is_not_finished(roster, admin):
    done = factories.bill(factories.make_period())
    with transaction():
        undoing.request(BillingRun.open(done.id), by=admin, reason="Wrong")
    with pytest.raises(Conflict, match="Only a run that is finished"), transaction():
        undoing.request(BillingRun.open(done.id), by=admin, reason="Wrong")


def test_a_period_is_changed_on_its_page_until_it_is_billed(office, national, roster):
    period = factories.make_period()
    page = f"{national}/periods/{period.id}/"
    form = {
        "name": "Autumn 2026",
        "starts_on": "2026-07-01",
        "ends_on": "2026-12-31",
        "due_on": "2026-08-01",
        "grace_ends_on": "2026-07-15",
    }
    wrong = office.post(page, data=form)
    assert wrong.status_code == 422
    assert "Grace can&#39;t end before the due date." in wrong.text and "Autumn 2026" in wrong.text

    assert office.post(page, data=form | {"grace_ends_on": "2026-08-15"}).status_code == 303
    assert "Autumn 2026 is changed." in office.get(page).text

    factories.bill(BillingPeriod.here().get(period.id))
    billed = office.get(page).text
    assert "so these stay" in billed and 'name="starts_on"' not in billed
    due = {"due_on": "2026-08-10", "grace_ends_on": "2026-08-20"}
    assert office.post(page, data=due).status_code == 303
    changed = BillingPeriod.here().get(period.id)
    db.session.refresh(changed)
    assert (changed.name, changed.due_on) == ("Autumn 2026", date(2026, 8, 10))


@pytest.mark.parametrize(("currency", "fee"), [("USD", "$25.00"), ("JPY", "¥25"), ("KWD", "25.000")])
def test_the_standard_late_fee_is_told_in_the_organizations_currency(
    client: FlaskClient, sign_in: Callable[..., Any], currency: str, fee: str
) -> None:
    organization = factories.make_organization("Coins", currency=currency)
    with tenancy.acting_for(organization.id):
        factories.found(organization)
        sign_in(client, factories.make_admin("Coin Admin"))
        page = client.get(f"/o/{organization.slug}/national/dues-settings/").text
    assert re.search(rf"Standard: [^<]*{re.escape(fee)} after 15 days", page)
