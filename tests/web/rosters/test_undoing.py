"""An import taken back in the browser."""

from typing import Any

from tests import factories
from tests.web.rosters.steps import ROSTERS, fields_of, fresh, send_file
from webapp.core.db import transaction
from webapp.domain.organizations import Chapter, Login, Member, RoleName, RosterImport


def brought_in(client: Any, home: str, jobs: Any) -> RosterImport:
    page = send_file(client, f"{home}/national/imports/", (ROSTERS / "latin1.csv").read_bytes())
    import_ = RosterImport.here().first()
    address = f"{home}/national/imports/{import_.id}"
    client.post(f"{address}/matching", data=fields_of(page.text))
    client.post(f"{address}/start")
    jobs.run_all()
    return fresh(import_)


def test_an_admin_undoes_an_import_after_having_seen_what_that_does(
    client: Any, admin: Login, home: str, jobs: Any
) -> None:
    import_ = brought_in(client, home, jobs)
    address = f"{home}/national/imports/{import_.id}"
    kept = Member.here().first(Member.number == "L1")
    with transaction():
        Member.here().get(kept.id).correct({"phone": "555"}, by=admin)

    seen = client.get(f"{address}/undoing")
    assert "Added by this import; removed" in seen.text and "made inactive" in seen.text
    assert len(Member.here().all()) == 2

    watched = client.post(f"{address}/undoing", follow_redirects=True)
    assert "Undoing the import" in watched.text and "0 of 2" in watched.text
    jobs.run_all()

    done = client.get(f"{address}/")
    assert f"Undone by {admin.name}" in done.text
    told = client.get(f"{address}/not-undone.csv").text.splitlines()
    assert len(told) == 2 and "changed by hand" in told[1] and told[1].startswith("2,L1,")
    assert client.post(f"{address}/undoing").status_code == 409
    listed = client.get(f"{home}/national/imports/")
    assert admin.name in listed.text and "Undone" in listed.text


def test_a_treasurer_finds_no_import_of_others_to_undo(
    client: Any, admin: Login, home: str, jobs: Any, alpha: Chapter, sign_in: Any
) -> None:
    import_ = brought_in(client, home, jobs)
    login = factories.make_login()
    factories.make_role(login, RoleName.TREASURER, chapter=alpha)
    sign_in(client, login)
    address = f"{home}/c/{alpha.code}/imports/{import_.id}/undoing"
    assert client.get(address).status_code == client.post(address).status_code == 404
    assert len(Member.here().all()) == 2
