"""Good standing on pages, as a letter that anybody can verify, and for programs that keep a gate."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.web.api.conftest import program
from webapp import wiring
from webapp.core.db import transaction
from webapp.domain.organizations import Chapter, Member, Organization, RoleName
from webapp.domain.payments.offline import record_offline
from webapp.domain.payments.payment import Method
from webapp.domain.reporting.standing.letters import StandingLetter


@dataclass(frozen=True)
class Two:
    """One owes 100.00 for longer than the rule allows, the other nothing."""

    chapter: Chapter
    late: Member
    settled: Member
    place: str


@pytest.fixture
def two(organization: Organization) -> Two:
    chapter, status = factories.make_chapter(), factories.make_status()
    late = factories.make_member(chapter, status, last_name="Late")
    due_on = organization.today - timedelta(days=31)
    factories.make_invoice(member=late, due_on=due_on, grace_ends_on=due_on)
    settled = factories.make_member(chapter, status, last_name="Settled")
    return Two(chapter, late, settled, f"/o/{organization.slug}")


def words_of(answer: Any) -> str:
    read = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=answer.data, capture_output=True, check=True
    )
    return read.stdout.decode()


def code_of(letter: StandingLetter) -> str:
    return letter.code(wiring.settings().secret_key)


def test_a_treasurer_finds_who_is_not_in_good_standing_and_why(
    two: Two, client: FlaskClient, sign_in: Callable[..., Any]
) -> None:
    login = factories.make_login("Tom Treasurer")
    factories.make_role(login, RoleName.TREASURER, chapter=two.chapter)
    sign_in(client, login)
    here = f"{two.place}/chapters/{two.chapter.code}/standing/"

    everybody, not_good = client.get(here).text, client.get(here + "?show=not").text
    lines = client.get(here + "?format=csv").text.splitlines()

    assert "2 members in all" in everybody
    assert "1 member not in good standing" in not_good and "Settled" not in not_good
    assert "Owes $100.00 that was due more than 30 days before" in not_good
    assert [line.split(",")[5] for line in lines[1:]] == ["no", "yes"]


def test_a_member_takes_the_own_letter_and_a_stranger_verifies_it_until_the_books_change(
    organization: Organization, two: Two, client: FlaskClient, sign_in: Callable[..., Any]
) -> None:
    login = factories.make_login("Ana")
    factories.make_role(login, RoleName.MEMBER, member=two.settled)
    sign_in(client, login)

    assert "In good standing" in client.get(f"{two.place}/my/").text
    drawn = client.post(f"{two.place}/my/standing-letters/", follow_redirects=True)
    [letter] = StandingLetter.here().all()
    code = code_of(letter)
    words, shown = words_of(drawn), client.get(f"{two.place}/standing-letters/{code}")
    due_on = organization.today - timedelta(days=40)
    factories.make_invoice(member=two.settled, due_on=due_on, grace_ends_on=due_on)
    afterwards = client.get(f"{two.place}/standing-letters/?code={code.lower()}", follow_redirects=True)

    assert "Ana Settled is in good standing with Pi Chi Fraternity." in words and code in words
    assert "This letter holds" in shown.text and "Ana Settled" in shown.text
    assert "does not hold any more since" in afterwards.text and "$" not in afterwards.text


def test_whoever_guesses_codes_learns_nothing_and_is_slowed_down(two: Two, client: FlaskClient) -> None:
    unknown = client.get(f"{two.place}/standing-letters/ABCD-EFGH")
    answers = [client.get(f"{two.place}/standing-letters/{number}").status_code for number in range(30)]

    assert unknown.status_code == 404 and "No letter of good standing has this code" in unknown.text
    assert answers[:29] == [404] * 29 and answers[29] == 429


def test_nobody_takes_a_letter_for_somebody_who_owes_too_long(
    two: Two, client: FlaskClient, sign_in: Callable[..., Any]
) -> None:
    sign_in(client, factories.make_admin())
    page = f"{two.place}/national/members/{two.late.id}/"

    refused = client.post(page + "standing-letters/")

    assert refused.status_code == 409 and "not in good standing" in refused.text
    assert "Letter of good standing" not in client.get(page).text
    assert StandingLetter.here().all() == []


def test_an_admin_grants_good_standing_and_ends_it(
    organization: Organization, two: Two, client: FlaskClient, sign_in: Callable[..., Any]
) -> None:
    sign_in(client, factories.make_admin())
    page = f"{two.place}/national/members/{two.late.id}/"
    until = organization.today + timedelta(days=30)

    without = client.post(page + "standing-waiver", data={"until": until.isoformat(), "reason": ""})
    past = client.post(page + "standing-waiver", data={"until": "2020-01-01", "reason": "Between two jobs"})
    client.post(page + "standing-waiver", data={"until": until.isoformat(), "reason": "Between two jobs"})
    granted = client.get(page).text
    client.post(page + "standing-waiver/ending")

    assert (without.status_code, past.status_code) == (422, 422)
    assert "Say why." in without.text and "Between two jobs" in past.text
    assert "Good standing is granted until" in granted and "Between two jobs" in granted
    assert "Not in good standing" in client.get(page).text


def test_programs_ask_at_the_gate_and_admins_grant(
    organization: Organization, two: Two, client: FlaskClient
) -> None:
    auditor = program(client, organization, RoleName.AUDITOR)
    admin = program(client, organization, RoleName.NATIONAL_ADMIN)
    address, until = f"/api/members/{two.late.id}/standing/", organization.today + timedelta(days=9)

    before = auditor.get(address).json
    [bad] = auditor.get("standing/?in_good_standing=false").json["data"]
    granted = admin.post(address + "waiver/", {"until": until.isoformat(), "reason": "Between two jobs"})
    ended = admin.send("DELETE", address + "waiver/")
    with transaction():
        record_offline(two.late, 10_000, method=Method.CASH, on=organization.today, by=None)

    assert (before["in_good_standing"], before["basis"], before["too_old"]) == (False, "owes", 10_000)
    assert bad == before
    assert (granted.json["basis"], granted.json["waived_until"]) == ("waived", until.isoformat())
    assert ended.json == before
    assert auditor.get(address).json["in_good_standing"] is True
