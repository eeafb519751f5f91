"""Programs that send a roster: brought in, tried first, undone."""

from io import BytesIO

import pytest

from tests import factories
from tests.jobs import JobRunner
from tests.web.api.conftest import Program, count
from webapp.core.db import transaction
from webapp.domain.organizations import Chapter, Member

ROSTER = (
    "member_number,first_name,last_name,chapter_code,status\nPX1,Ana,Núñez,ALP,undergraduate\nPX2,Bo,,ALP,\n"
)


@pytest.mark.parametrize("multipart", [True, False])
def test_a_roster_is_sent_brought_in_and_its_refused_rows_read(
    admin: Program, chapter: Chapter, jobs: JobRunner, multipart: bool
) -> None:
    factories.make_status()
    content = ROSTER.encode()
    as_part = {"data": {"file": (BytesIO(content), "roster.csv")}}
    as_body = {"data": content, "content_type": "text/csv"}
    sent = admin.send("POST", "roster-imports/", **(as_part if multipart else as_body))
    assert (sent.status_code, sent.json["state"], sent.json["total_rows"]) == (202, "running", 2)
    jobs.run_all()
    watched = admin.get(f"roster-imports/{sent.json['id']}/").json
    assert watched["state"] == "done" and watched["counts"]["created"] + watched["counts"]["refused"] == 2
    refused = admin.get(f"roster-imports/{sent.json['id']}/refused-rows/").json["data"]
    assert len(refused) == watched["counts"]["refused"]


def test_a_dry_run_of_a_roster_changes_nothing(admin: Program, chapter: Chapter, jobs: JobRunner) -> None:
    factories.make_status()
    sent = admin.send("POST", "roster-imports/?dry_run=true", data=ROSTER.encode(), content_type="text/csv")
    assert (sent.status_code, sent.json["state"]) == (202, "checked")
    jobs.run_all()
    assert count(Member) == 0


def test_a_program_corrects_refused_rows_before_the_import(
    admin: Program, chapter: Chapter, jobs: JobRunner
) -> None:
    factories.make_status()
    sent = admin.send("POST", "roster-imports/?dry_run=true", data=ROSTER.encode(), content_type="text/csv")
    here = f"roster-imports/{sent.json['id']}/"
    values = ["PX2", "Bo", "Berg", "ALP", "undergraduate"]

    short = admin.post(here + "corrections/", {"rows": [{"line": 3, "values": values[:2]}]})
    good = admin.post(here + "corrections/", {"rows": [{"line": 3, "values": values}]})
    again = admin.post(here + "corrections/", {"rows": [{"line": 3, "values": values}]})
    admin.post(here + "start/")
    jobs.run_all()

    assert (short.status_code, again.status_code) == (422, 409)
    assert (good.status_code, good.json["counts"]) == (202, {"created": 2})
    assert {one["last_name"] for one in admin.get("members/").json["data"]} == {"Núñez", "Berg"}


def test_a_program_says_what_the_columns_of_a_roster_hold(
    admin: Program, chapter: Chapter, jobs: JobRunner
) -> None:
    content = "Card,Family,Where\nPX1,Núñez,ALP\n"
    sent = admin.send(
        "POST", "roster-imports/?hold=true", data=content.encode(), content_type="text/csv"
    ).json
    here = f"roster-imports/{sent['id']}/"
    columns = {"Card": "number", "Family": "last_name", "Where": "chapter_code"}

    unknown = admin.patch(here, {"columns": {"Nobody": "number"}})
    mapped = admin.patch(
        here, {"columns": columns, "for_all": {"status": "pledge"}, "new_statuses": {"pledge": True}}
    )
    checked, begun = admin.post(here + "check/"), admin.post(here + "start/")
    jobs.run_all()

    assert (sent["state"], unknown.status_code) == ("uploaded", 422)
    assert (mapped.json["columns"], mapped.json["for_all"]) == (columns, {"status": "pledge"})
    assert (checked.json["state"], checked.json["counts"]["created"]) == ("checked", 1)
    assert (begun.status_code, admin.get(here).json["state"], count(Member)) == (202, "done", 1)
    assert admin.patch(here, {"columns": columns}).status_code == 409


def test_a_roster_is_undone_and_says_what_could_not_be(
    admin: Program, chapter: Chapter, jobs: JobRunner
) -> None:
    factories.make_status()
    content = ROSTER + "PX3,Cy,Cole,ALP,undergraduate\n"
    sent = admin.send("POST", "roster-imports/", data=content.encode(), content_type="text/csv").json
    jobs.run_all()
    with transaction():
        Member.here().first(Member.number == "PX3").correct({"phone": "555"}, by=None)
    asked = admin.send("POST", f"roster-imports/{sent['id']}/undo/")
    assert (asked.status_code, asked.json["state"]) == (202, "undoing")
    jobs.run_all()
    watched = admin.get(f"roster-imports/{sent['id']}/").json
    assert (watched["state"], watched["undo_counts"]) == ("undone", {"removed": 1, "deactivated": 1})
    (told,) = admin.get(f"roster-imports/{sent['id']}/rows-not-undone/").json["data"]
    assert told["undo"] == "deactivated" and "changed by hand" in told["undo_reasons"][0]
    assert admin.send("POST", f"roster-imports/{sent['id']}/undo/").status_code == 409
