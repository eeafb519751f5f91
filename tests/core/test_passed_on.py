"""A database that says, as Citus does, that it passes settings on: they are said in the way it passes on."""

from collections.abc import Iterator

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.processor import Shop
from tests.services import Database
from tests.statements import statements
from tests.web.world import ADMIN, TREASURER, World, enter
from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.organizations import Chapter
from webapp.domain.payments.inbox import ProcessorEvent


@pytest.fixture(autouse=True)
def passing_on(app: Flask, database: Database) -> Iterator[None]:
    change = f'ALTER DATABASE "{database.name}" {{}} citus.propagate_set_commands'
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(change.format("SET") + " = 'local'")
        db.engine.dispose()
        yield
        connection.execute(change.format("RESET"))
        db.session.remove()
        db.engine.dispose()


@pytest.mark.case("A2")
def test_a_page_is_shown_with_settings_that_citus_passes_on(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[ADMIN])
    with statements() as sent:
        pages = [client.get(f"/o/{world.organization.slug}/national/invoices/").status_code for _ in range(8)]

    assert pages == [200] * 8
    assert len([one for one in sent if "set_config" in one]) == 8, "only whoever comes is looked up so"
    assert len([one for one in sent if one.startswith("SET LOCAL app.organization_id TO '")]) >= 8


@pytest.mark.case("A2")
def test_another_organizations_rows_are_not_there_on_such_a_database_either(world: World) -> None:
    db.session.rollback()
    assert Chapter.in_(world.organization).all() == []
    with tenancy.acting_for(world.organization.id):
        assert Chapter.in_(world.organization).all() != []
    db.session.rollback()
    assert Chapter.in_(world.organization).all() == []


def test_a_form_is_carried_out_on_such_a_database(client: FlaskClient, world: World) -> None:
    enter(client, world.logins[TREASURER])
    address = f"/o/{world.organization.slug}/chapters/{world.chapter.code}/"
    assert client.get(address).status_code == 200
    assert client.post("/account/profile", data={"name": "Ana", "shortcuts": "y"}).status_code == 303


@pytest.mark.case("A2")
def test_a_delivery_of_the_processor_is_stored_on_such_a_database(shop: Shop) -> None:
    shop.pay(shop.open(shop.owed()))
    [event] = shop.events("checkout.session.completed")
    db.session.rollback()

    with statements() as sent:
        assert shop.deliver(event) == 200

    assert [one for one in sent if one.startswith("SET LOCAL app.organization_id TO '")]
    assert [one.event_reference for one in ProcessorEvent.here().all()] == [event["id"]]
