"""Statuses, chapters, words and letterhead, in the browser of those who may."""

import io
from typing import Any

import pytest
from PIL import Image

from tests.web.rosters.steps import fresh
from webapp.domain.organizations import Chapter, Login, MemberStatus, Organization


def test_statuses_are_defined_changed_and_removed(client: Any, admin: Login, home: str) -> None:
    client.post(f"{home}/national/statuses/", data={"label": "Retiree"})
    retiree = MemberStatus.here().first(MemberStatus.code == "retiree")
    assert retiree is not None and not retiree.billable
    client.post(f"{home}/national/statuses/{retiree.id}/", data={"label": "Retired", "billable": "y"})
    assert fresh(retiree).label == "Retired" and retiree.billable
    assert "Retired" in client.get(f"{home}/national/statuses/").text
    assert client.get(f"{home}/national/statuses/{retiree.id}/").status_code == 200
    client.post(f"{home}/national/statuses/{retiree.id}/removal")
    assert MemberStatus.here().first(MemberStatus.code == "retiree") is None
    assert client.post(f"{home}/national/statuses/", data={"label": "Alumnus"}).status_code == 422


def test_chapters_are_founded_changed_and_listed(
    client: Any, admin: Login, home: str, alpha: Chapter
) -> None:
    assert client.get(f"{home}/national/chapters/new").status_code == 200
    client.post(f"{home}/national/chapters/", data={"code": "bet", "name": "Beta", "active": "y"})
    beta = Chapter.here().first(Chapter.code == "BET")
    client.post(f"{home}/national/chapters/{beta.id}/", data={"code": "BET", "name": "Beta, Ohio"})
    assert (fresh(beta).name, beta.active) == ("Beta, Ohio", False)
    assert "Beta, Ohio" in client.get(f"{home}/national/chapters/?q=ohio").text
    assert "ALP,Alpha Chapter,0,yes" in client.get(f"{home}/national/chapters/?format=csv").text
    twice = client.post(f"{home}/national/chapters/", data={"code": "alp", "name": "Again"})
    assert twice.status_code == 422 and "There is a chapter ALP already." in twice.text


def test_the_organization_chooses_its_words_and_letterhead(
    client: Any, admin: Login, home: str, organization: Organization
) -> None:
    page = client.get(f"{home}/national/settings/organization/")
    assert page.status_code == 200 and "America/New_York" in page.text
    form = {
        "name": "Local Unions",
        "timezone": "America/Chicago",
        "locale": "en_US",
        "paper_size": "A4",
        "chapters": "Locals",
        "chapter": "Local",
        "how_to_pay": "By check",
        "sender_name": "",
        "reply_to": "dues@example.org",
    }
    answer = client.post(f"{home}/national/settings/organization/", data=form)
    assert answer.status_code == 303, answer.text
    changed = fresh(organization)
    assert (changed.name, changed.paper_size, changed.words) == (
        "Local Unions",
        "A4",
        {"chapter": "Local", "chapters": "Locals"},
    )
    assert "Locals" in client.get(f"{home}/national/members/").text
    wrong = client.post(f"{home}/national/settings/organization/", data=form | {"timezone": "Nowhere"})
    assert wrong.status_code == 422 and "is not a time zone" in wrong.text


@pytest.mark.case("A14")
def test_a_logo_is_shown_as_the_picture_we_drew(client: Any, admin: Login, home: str) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (1000, 100), "navy").save(drawn, "JPEG")
    address = f"{home}/national/settings/organization/logo"
    client.post(address, data={"logo": (io.BytesIO(drawn.getvalue()), "../../logo.svg")})
    shown = client.get(f"{address}.png")
    assert shown.mimetype == "image/png" and shown.data.startswith(b"\x89PNG")
    refused = client.post(
        address, data={"logo": (io.BytesIO(b"<svg onload='alert(1)'/>"), "logo.png")}, follow_redirects=True
    )
    assert "not a PNG, JPEG, WebP or GIF" in refused.text
    client.post(f"{address}/removal")
    assert client.get(f"{address}.png").status_code == 404
