"""Questions that take too long, and more of them at once than there are connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.services import Database
from tests.web.world import ADMIN, World, enter

AT_ONCE = 20


@pytest.fixture
def slow_invoices(world: World, database: Database) -> Iterator[None]:
    """Looking at an invoice takes the database six seconds."""
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("CREATE POLICY slow ON invoices AS RESTRICTIVE USING (pg_sleep(6) IS NOT NULL)")
        yield
        connection.execute("DROP POLICY slow ON invoices")


@pytest.mark.case("F11", "A22")
def test_a_list_that_takes_too_long_is_a_page_that_says_so(
    client: FlaskClient, world: World, slow_invoices: None
) -> None:
    enter(client, world.logins[ADMIN])
    answer = client.get(f"/o/{world.organization.slug}/national/invoices/?q=ana")
    assert answer.status_code == 503
    assert "Finding this takes longer than a page may" in answer.text
    assert "choose a status or a period" in answer.text
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.case("F11")
def test_when_all_connections_are_busy_pages_are_refused_and_the_process_still_answers(
    app: Flask, client: FlaskClient, world: World, slow_invoices: None
) -> None:
    enter(client, world.logins[ADMIN])
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None

    def open_list(_: int) -> Any:
        other = app.test_client()
        other.set_cookie(cookie.key, cookie.value)
        return other.get(f"/o/{world.organization.slug}/national/invoices/")

    with ThreadPoolExecutor(AT_ONCE) as threads:
        waiting = [threads.submit(open_list, number) for number in range(AT_ONCE)]
        alive = [client.get("/healthz").status_code for _ in range(5)]
        answers = [one.result() for one in waiting]

    assert alive == [200] * 5
    assert {answer.status_code for answer in answers} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
    assert client.get(f"/o/{world.organization.slug}/national/people/").status_code == 200
