"""Nobody keeps the application busy by asking for too much at once."""

import pytest
from flask.testing import FlaskClient

from tests.web.world import ADMIN, World, enter
from webapp.core import tenancy
from webapp.core.db import transaction
from webapp.domain.organizations import RoleName, tokens


@pytest.fixture
def lists(world: World) -> list[str]:
    home = f"/o/{world.organization.slug}"
    national = [
        f"{home}/national/{name}/" for name in ("invoices", "members", "payments", "mails", "journal")
    ]
    return [*national, f"{home}/chapters/{world.chapter.code}/invoices/"]


@pytest.mark.case("A22")
def test_an_address_longer_than_any_of_ours_is_not_looked_at(
    client: FlaskClient, world: World, lists: list[str]
) -> None:
    enter(client, world.logins[ADMIN])
    for address in lists:
        answer = client.get(f"{address}?q={'a' * 3_000}")
        assert answer.status_code == 414, address
        assert "longer than any of ours" in answer.text


@pytest.mark.case("A22", "A16")
def test_a_search_for_what_no_text_can_hold_is_refused(
    client: FlaskClient, world: World, lists: list[str]
) -> None:
    enter(client, world.logins[ADMIN])
    for address in lists:
        assert client.get(f"{address}?q=a%00b").status_code == 400, address


@pytest.mark.case("A22")
@pytest.mark.parametrize(
    "query",
    [
        "after=018f0000-0000-7000-8000-000000000000",
        "after=not-an-id",
        "page=100000000",
        "limit=100000000",
        "q=" + "%25" * 300,
        "q=" + "a_b%25" * 200,
        "due_after=9999-12-31&status=owed&q=zz",
    ],
)
def test_deep_pages_and_heavy_filters_get_a_bounded_answer(
    client: FlaskClient, world: World, lists: list[str], query: str
) -> None:
    enter(client, world.logins[ADMIN])
    for address in lists:
        answer = client.get(f"{address}?{query}")
        assert answer.status_code in (200, 404, 422), address
        assert answer.text.count('<td class="lead">') <= 50, address


@pytest.mark.case("A22")
@pytest.mark.parametrize("limit", ["201", "100000000", "0", "-1", "many"])
def test_a_program_gets_at_most_two_hundred_rows_at_once(
    client: FlaskClient, world: World, limit: str
) -> None:
    with tenancy.acting_for(world.organization.id), transaction():
        _, token = tokens.create("Reader", RoleName.AUDITOR, by=world.logins[ADMIN])
    address = f"/api/organizations/{world.organization.id}/invoices/?limit={limit}"
    answer = client.get(address, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"


@pytest.mark.case("A22")
@pytest.mark.parametrize(
    ("sent", "mimetype"),
    [
        (b"name=" + b"a" * 13_000_000, "application/x-www-form-urlencoded"),
        (b"name=" + b"a" * 2_000_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=" % number for number in range(200_000)), "application/x-www-form-urlencoded"),
        (
            b"".join(
                b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n\r\n' % number
                for number in range(3_000)
            )
            + b"--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 2_000_000 + b"\r\n--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
        (b"--x\r\n" + b"A: b\r\n" * 100_000, "multipart/form-data; boundary=x"),
    ],
    ids=["13 MB", "2 MB in a field", "fields", "parts", "2 MB in a part", "headers of a part"],
)
def test_a_form_beyond_every_measure_is_refused(
    client: FlaskClient, world: World, sent: bytes, mimetype: str
) -> None:
    enter(client, world.logins[ADMIN])
    for address in ("/account/profile", f"/o/{world.organization.slug}/national/chapters/"):
        answer = client.post(address, data=sent, content_type=mimetype)
        assert answer.status_code in (400, 413, 422), address
        assert "Too large" in answer.text or answer.status_code != 413
