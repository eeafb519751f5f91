"""Chapter health on pages, as a file, by mail and for programs."""

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.web.api.conftest import program
from webapp import wiring
from webapp.core.db import db, transaction
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.notifications import health_mails, sending
from webapp.domain.notifications.delivery import Mail, MailKind
from webapp.domain.organizations import Chapter, Member, Organization, RoleName
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.domain.reporting.health import notices, scores
from webapp.domain.reporting.health.method import RULES
from webapp.domain.reporting.health.notices import HealthNotice
from webapp.domain.reporting.health.scores import ChapterHealthScore
from webapp.workers import daily

DUE = date(2026, 7, 31)


@pytest.fixture
def members(organization: Organization) -> Sequence[Member]:
    """One of Alpha who owes 100.00 since July, one of Beta who paid; Gamma was never billed."""
    status = factories.make_status()
    chapters = [factories.make_chapter(), factories.make_chapter("BET", "Beta Chapter")]
    factories.make_chapter("GAM", "Gamma Chapter")
    people = [factories.make_member(chapter, status) for chapter in chapters]
    factories.make_invoice(member=people[0], due_on=DUE, grace_ends_on=DUE)
    with transaction():
        record_offline(people[1], 10_000, method=Method.CASH, on=DUE, by=None)
    return people


@pytest.fixture
def treasurer(members: Sequence[Member]) -> Any:
    login = factories.make_login("Theo Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=Chapter.here().get(members[0].chapter_id))
    return login


def night(organization: Organization) -> None:
    daily.daily(organization.today.isoformat())


def test_the_night_keeps_scores_and_tells_treasurers_and_admins_of_a_notice_once(
    organization: Organization, treasurer: Any
) -> None:
    admin = factories.make_admin()

    for _ in range(2):
        night(organization)

    [notice] = HealthNotice.here().all()
    mails = Mail.here().all(Mail.kind == MailKind.CHAPTER_HEALTH)
    assert (notice.raised_on, notice.limit) == (organization.today - timedelta(days=1), 50)
    assert len(ChapterHealthScore.here().all()) == 2
    assert {mail.recipient for mail in mails} == {admin.email, treasurer.email} and len(mails) == 2
    written = written_mail(mails[0].id)
    assert "is below 50" in written and f"/o/{organization.slug}/chapters/ALP/reports/health/" in written


def test_a_mail_about_a_fall_says_from_where(organization: Organization, treasurer: Any) -> None:
    with transaction():
        DuesSettings.of(organization).change(by=None, health_below=None)
        for day in (DUE, DUE + timedelta(days=20)):
            scores.keep(organization, day)
        raised = notices.look_after(organization, DUE + timedelta(days=20))
        for notice in raised:
            health_mails.tell(notice, wiring.links())

    [mail] = Mail.here().all(Mail.kind == MailKind.CHAPTER_HEALTH)
    written = written_mail(mail.id)
    assert f"has fallen to {raised[0].points}" in written and "stood at 100 of 100 points" in written


def written_mail(mail_id: UUID) -> str:
    with transaction():
        outgoing = sending.prepare(mail_id, wiring.links(), test_mode=False)
    assert outgoing is not None
    envelope = outgoing.envelope(wiring.mail_writer(), [])
    return envelope.subject + envelope.text


def test_the_national_office_sees_who_does_worst_first_and_what_needs_it(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any], treasurer: Any
) -> None:
    sign_in(client, factories.make_admin())
    night(organization)
    here = f"/o/{organization.slug}/national/"

    page, best_first = (client.get(here + f"reports/health/{query}").text for query in ("", "?sort=-score"))
    lines = client.get(here + "reports/health/?format=csv").text.splitlines()

    assert page.index("Alpha Chapter") < page.index("Beta Chapter") < page.index("Gamma Chapter")
    assert best_first.index("Beta Chapter") < best_first.index("Alpha Chapter")
    assert "Low score" in page and "Nothing to measure yet" in page
    assert "Beta Chapter" not in client.get(here + "reports/health/?q=alp").text
    assert "1 health score is low or has fallen" in client.get(here).text
    assert lines[0].startswith("as_of,code,name,score") and lines[2].split(",")[1:4] == [
        "BET",
        "Beta Chapter",
        "100",
    ]


def test_a_long_ranking_goes_on_behind_the_last_chapter_shown(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any], treasurer: Any
) -> None:
    sign_in(client, factories.make_admin())
    for number in range(60):
        factories.make_chapter(f"X{number}", f"Chapter {number}")
    here = f"/o/{organization.slug}/national/reports/health/?sort=name"

    first = client.get(here).text
    [after] = set(re.findall(r"after=([0-9a-f-]{36})", first))
    second = client.get(f"{here}&after={after}").text

    codes = [re.findall(r"/chapters/([A-Z0-9]+)/reports/health/", page) for page in (first, second)]
    assert [len(codes[0]), len(codes[1])] == [50, 13]
    assert len({*codes[0], *codes[1]}) == 63


def test_a_treasurer_sees_what_the_own_score_is_made_of(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any], treasurer: Any
) -> None:
    sign_in(client, treasurer)
    night(organization)
    here = f"/o/{organization.slug}/chapters/ALP/"

    page = client.get(here + "reports/health/").text

    assert "100 % of what is owed is past due." in page and "0 of 31" in page
    assert "At 75 % it brings" not in page and "No payment plan ran in the last 12 months." in page
    assert "Below 50: " in page
    assert "1 health score is low or has fallen" in client.get(here).text
    assert client.get(f"/o/{organization.slug}/national/reports/health/").status_code == 403
    assert client.get(f"/o/{organization.slug}/chapters/BET/reports/health/").status_code in (403, 404)


def test_the_method_is_published_as_it_is_scored_by(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any], treasurer: Any
) -> None:
    sign_in(client, treasurer)
    page = client.get(f"/o/{organization.slug}/chapters/ALP/reports/health/method/").text
    told = program(client, organization, RoleName.AUDITOR).get("reports/health/method/").json

    for rule, part in zip(RULES, told["parts"], strict=True):
        assert f"{rule.name}, {rule.weight} of 100" in page
        assert (part["weight"], part["formula"]) == (rule.weight, rule.formula)
        assert [(one["measure"], one["percent_of_weight"]) for one in part["line"]] == list(rule.line)


def test_limits_are_set_and_a_slip_keeps_what_was_typed(
    organization: Organization, client: FlaskClient, sign_in: Callable[..., Any]
) -> None:
    sign_in(client, factories.make_admin())
    here = f"/o/{organization.slug}/national/reports/health/notices/"

    words, beyond = (
        client.post(here, data={"health_below": typed, "health_fall": "10"}) for typed in ("many", "101")
    )
    saved = client.post(here, data={"health_below": "65", "health_fall": ""})

    assert words.status_code == beyond.status_code == 422
    assert "whole number of points" in words.text and 'value="many"' in words.text
    assert "from 1 to 100" in beyond.text and 'value="101"' in beyond.text
    assert saved.status_code == 303
    db.session.expire_all()
    settings = DuesSettings.of(organization)
    assert (settings.health_below, settings.health_fall) == (65, None)


def test_programs_read_scores_with_their_parts_and_history(
    organization: Organization, client: FlaskClient, members: Sequence[Member]
) -> None:
    night(organization)
    auditor = program(client, organization, RoleName.AUDITOR)
    alpha, yesterday = members[0].chapter_id, (organization.today - timedelta(days=1)).isoformat()

    ranked = auditor.get("reports/health/").json
    one = auditor.get(f"reports/health/{alpha}/").json
    earlier = auditor.get(f"reports/health/{alpha}/?as_of={DUE.isoformat()}").json

    assert ranked["as_of"] == one["as_of"] == yesterday
    assert [chapter["code"] for chapter in ranked["chapters"]] == ["ALP", "BET", "GAM"]
    assert sum(part["points"] for part in one["parts"]) == one["score"]
    assert one["parts"][0] | {"points": 0} == one["parts"][0]
    assert (one["parts"][0]["measure"], one["parts"][0]["unit"]) == ("100", "percent")
    assert [(kept["as_of"], kept["score"]) for kept in one["recent"]] == [(yesterday, one["score"])]
    assert [notice["kind"] for notice in one["notices"]] == ["below"]
    assert earlier["score"] == 100 and earlier["recent"] == []
    assert auditor.get("reports/health/?format=csv").text.splitlines()[1].startswith(f"{yesterday},ALP,")


def test_a_treasurers_program_reads_its_own_chapter_alone(
    organization: Organization, client: FlaskClient, members: Sequence[Member]
) -> None:
    alpha = Chapter.here().get(members[0].chapter_id)
    own = program(client, organization, RoleName.TREASURER, alpha)

    assert [one["code"] for one in own.get("reports/health/").json["chapters"]] == ["ALP"]
    assert own.get(f"reports/health/{members[1].chapter_id}/").status_code == 404


def test_programs_change_what_raises_a_notice(organization: Organization, client: FlaskClient) -> None:
    admin = program(client, organization, RoleName.NATIONAL_ADMIN)

    refused = admin.patch("dues-settings/", {"health_below": 0})
    changed = admin.patch("dues-settings/", {"health_below": 70, "health_fall": None})

    assert refused.status_code == 422
    assert (changed.json["health_below"], changed.json["health_fall"]) == (70, None)
