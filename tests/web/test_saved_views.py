"""A treasurer's own views of a list: named, opened again, one of them shown first."""

from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.web.world import ADMIN, MEMBER, TREASURER, World, enter
from webapp.core import tenancy
from webapp.domain.organizations.saved_views import MOST, SavedView


@dataclass
class Reader:
    """Somebody signed in, at the list of invoices."""

    client: FlaskClient
    here: str
    chapter: str

    @property
    def list(self) -> str:
        return f"{self.here}/chapters/{self.chapter}/invoices/"

    def save(self, name: str = "Late ones", asked: str = "status=overdue&sort=-owed", **more: str) -> Any:
        form = {"address": self.list, "asked": asked, "name": name} | more
        return self.client.post(f"{self.here}/own/views", data=form)

    def menu(self, page: str = "", *, of: str = "invoices") -> str:
        address = f"{self.here}/chapters/{self.chapter}/{of}/"
        swap = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{address}{page}"}
        return self.client.get(f"{self.here}/own/views?address={address}", headers=swap).text


@pytest.fixture
def reader(client: FlaskClient, world: World) -> Reader:
    enter(client, world.logins[TREASURER])
    return Reader(client, f"/o/{world.organization.slug}", world.chapter.code)


def kept(world: World) -> list[SavedView]:
    with tenancy.acting_for(world.organization.id):
        return [*SavedView.here().all(SavedView.login_id == world.logins[TREASURER].id)]


def test_a_view_is_saved_with_its_filters_and_stands_in_the_lists_own_menu(reader: Reader) -> None:
    assert "You have saved no view of this list" in reader.menu()
    assert "Save this view" in reader.menu("?status=overdue&after=x")
    assert reader.save(asked="status=overdue&after=x&format=csv").status_code == 303

    assert f'href="{reader.list}?status=overdue"' in reader.menu()
    assert "Late ones" not in reader.menu(of="payments")


def test_the_view_that_is_shown_first_opens_with_the_bare_list_and_steps_aside_when_asked(
    reader: Reader, world: World
) -> None:
    reader.save(is_usual="y")

    assert reader.client.get(reader.list).location == f"{reader.list}?status=overdue&sort=-owed"
    assert reader.client.get(f"{reader.list}?view=all").status_code == 200
    assert "?view=all" in reader.client.get(f"{reader.list}?status=overdue").text
    [view] = kept(world)
    reader.client.post(f"{reader.here}/own/views/{view.id}/usual")
    assert reader.client.get(reader.list).status_code == 200


def test_there_is_one_first_view_of_a_list(reader: Reader, world: World) -> None:
    reader.save(is_usual="y")
    reader.save("Paid ones", "status=paid", is_usual="y")
    assert [view.name for view in kept(world) if view.is_usual] == ["Paid ones"]


def test_a_name_used_again_stands_for_the_new_filters(reader: Reader, world: World) -> None:
    reader.save()
    reader.save("late ones", "status=owed")
    assert [(view.name, view.asked) for view in kept(world)] == [("Late ones", "status=owed")]


def test_a_view_is_removed(reader: Reader, world: World) -> None:
    reader.save()
    [view] = kept(world)
    reader.client.post(f"{reader.here}/own/views/{view.id}/removal")
    assert kept(world) == []


def test_without_a_name_or_with_too_many_it_says_so_and_keeps_what_was_typed(reader: Reader) -> None:
    nameless = reader.save(" ")
    assert nameless.status_code == 422 and "Give it a name." in nameless.text
    for number in range(MOST):
        reader.save(f"View {number}")
    full = reader.save("One more")
    assert full.status_code == 422 and f"You keep {MOST} views" in full.text and "One more" in full.text


@pytest.mark.parametrize("address", ["/", "//evil.example/", "/account/", "{here}/own/views", "{other}"])
def test_only_lists_of_this_organization_have_views(reader: Reader, elsewhere: World, address: str) -> None:
    other = f"/o/{elsewhere.organization.slug}/approvals/"
    form = {"address": address.format(here=reader.here, other=other), "asked": "q=x", "name": "Mine"}
    assert reader.client.post(f"{reader.here}/own/views", data=form).status_code == 404


@pytest.mark.parametrize("who", [ADMIN, MEMBER])
def test_nobody_else_sees_or_changes_it(reader: Reader, world: World, who: str) -> None:
    reader.save(is_usual="y")
    [view] = kept(world)
    enter(reader.client, world.logins[who])
    assert "Late ones" not in reader.menu()
    for what in ("usual", "removal"):
        assert reader.client.post(f"{reader.here}/own/views/{view.id}/{what}").status_code == 404
    assert [one.is_usual for one in kept(world)] == [True]
