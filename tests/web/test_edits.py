"""Two officers with the same form open: the second one sees what the first one saved, and loses nothing."""

from typing import Any

import pytest
from flask import Flask

from tests import factories
from tests.web import reading
from webapp.core.db import transaction
from webapp.domain.organizations import Organization, member


@pytest.fixture
def browsers(app: Flask, organization: Organization, sign_in: Any) -> tuple[Any, Any]:
    """Nora's and Omar's."""
    with transaction():
        member.open_default_statuses()
    browsers = app.test_client(), app.test_client()
    for browser, name in zip(browsers, ("Nora Adler", "Omar Haddad"), strict=True):
        sign_in(browser, factories.make_admin(name))
    return browsers


def address_of(what: str, organization: Organization) -> tuple[str, str]:
    """Where the form is, and where it goes."""
    national = f"/o/{organization.slug}/national"
    if what in ("dues-settings", "settings/organization"):
        return (f"{national}/{what}/",) * 2
    chapter = factories.make_chapter()
    if what == "chapters":
        return (f"{national}/chapters/{chapter.id}/",) * 2
    status = factories.make_status("journeyman", label="Journeyman")
    if what == "statuses":
        return (f"{national}/statuses/{status.id}/",) * 2
    found = factories.make_member(chapter, status)
    return f"{national}/members/{found.id}/edit", f"{national}/members/{found.id}/"


def shown(page: str) -> dict[str, str]:
    return reading.filled(page, lambda form: form.find(".//input[@name='seen']") is not None)


CASES = [
    ("chapters", "name", "Alpha of Ohio", "Alpha Prime"),
    ("statuses", "label", "Journeyman, second year", "Journeyman, third year"),
    ("dues-settings", "grace_days", "12", "14"),
    ("settings/organization", "address", "1 First Street", "2 Second Street"),
    ("members", "last_name", "Byron", "Lovelace"),
]


@pytest.mark.parametrize(("what", "name", "first", "second"), CASES)
def test_the_second_to_save_is_shown_the_first_ones_change_and_may_save_again(
    browsers: tuple[Any, Any], organization: Organization, what: str, name: str, first: str, second: str
) -> None:
    (nora, omar), (form_at, goes_to) = browsers, address_of(what, organization)
    noras, omars = shown(nora.get(form_at).text), shown(omar.get(form_at).text)
    assert omar.post(goes_to, data=omars | {name: first}).status_code == 303

    refused = nora.post(goes_to, data=noras | {name: second})

    assert refused.status_code == 409
    assert "Omar Haddad changed this" in refused.text and f"“{first}” now" in refused.text
    assert shown(nora.get(form_at).text)[name] == first
    offered = shown(refused.text)
    assert offered[name] == second
    assert nora.post(goes_to, data=offered).status_code == 303
    assert shown(omar.get(form_at).text)[name] == second


@pytest.mark.parametrize(("what", "name", "first", "second"), CASES)
def test_saving_twice_in_a_row_meets_no_objection(
    browsers: tuple[Any, Any], organization: Organization, what: str, name: str, first: str, second: str
) -> None:
    (nora, _), (form_at, goes_to) = browsers, address_of(what, organization)

    for text in (first, second):
        assert nora.post(goes_to, data=shown(nora.get(form_at).text) | {name: text}).status_code == 303


def test_a_bent_memory_is_no_objection_and_no_crash(
    browsers: tuple[Any, Any], organization: Organization
) -> None:
    (nora, _), (form_at, goes_to) = browsers, address_of("chapters", organization)

    for bent in ("", "{", "[]", '"x"', '{"nothing": 1}'):
        sent = shown(nora.get(form_at).text) | {"seen": bent}
        assert nora.post(goes_to, data=sent).status_code == 303
