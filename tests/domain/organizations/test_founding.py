"""A new organization, and what it starts with."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from tests import factories
from webapp import wiring
from webapp.core import tenancy
from webapp.core.audit import AuditEntry
from webapp.core.db import db, transaction
from webapp.core.errors import Conflict, Invalid
from webapp.domain.billing.schedules import AssessmentSchedule
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.ledger.chart import Account
from webapp.domain.organizations import (
    Chapter,
    Invitation,
    Member,
    MemberStatus,
    Organization,
    PaperSize,
    logo,
)

ROSTERS = Path(__file__).parents[2] / "data" / "rosters"


def found(name: str = "Pi Chi Fraternity", **changes: Any) -> Organization:
    values = {"currency": "USD", "timezone": "America/New_York", "admin_email": "nora@example.org"}
    with transaction():
        return wiring.found_organization(name, by=None, **(values | changes))


def test_a_new_organization_has_everything_it_needs_to_bill(app: Any) -> None:
    organization = found()
    assert organization.slug == "pi-chi-fraternity"
    with tenancy.acting_for(organization.id):
        assert {status.code for status in MemberStatus.here().all()} == {
            "undergraduate",
            "new_member",
            "associate",
            "alumnus",
            "inactive",
        }
        assert Account.here().first(Account.code == "1200")
        assert DuesSettings.here().first()
        assert AssessmentSchedule.here().first()
        assert Invitation.here().first().email == "nora@example.org"


def test_the_second_organization_of_a_name_gets_a_slug_of_its_own(app: Any) -> None:
    assert [found().slug, found().slug, found("Ægir Ærø!").slug] == [
        "pi-chi-fraternity",
        "pi-chi-fraternity-2",
        "aegir-aero",
    ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"currency": "DOLLARS"}, "currency"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"locale": "xx_YY"}, "locale"),
        ({"name": "  "}, "name"),
    ],
)
def test_what_does_not_exist_is_refused_with_a_sentence(app: Any, wrong: dict[str, str], field: str) -> None:
    values = {"name": "Pi Chi", **wrong}
    with pytest.raises(Invalid) as refusal:
        found(**values)
    assert field in refusal.value.fields


def test_paper_follows_the_place(app: Any) -> None:
    assert found(locale="de_DE").paper_size is PaperSize.A4
    assert found(locale="en_US").paper_size is PaperSize.LETTER


def test_settings_keep_only_the_words_that_differ_and_leave_a_trail(organization: Organization) -> None:
    with transaction():
        organization.change({"words": {"chapter": "Local", "member": "Member"}}, by=None)
    assert organization.words == {"chapter": "Local"}
    assert organization.vocabulary.chapter == "Local"
    entry = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "organization settings changed")
    ).one()
    assert entry.before == {"words": {}} and entry.after == {"words": {"chapter": "Local"}}


def test_the_currency_of_an_organization_never_changes(organization: Organization) -> None:
    with transaction():
        organization.change({"currency": "EUR"}, by=None)
    assert organization.currency == "USD"


def test_a_correction_by_hand_is_remembered_and_audited(organization: Organization) -> None:
    member = factories.make_member(factories.make_chapter(), factories.make_status())
    with transaction():
        member.correct({"first_name": "Anna", "email": member.email}, by=None)
    assert member.changed_by_hand == ["first_name"]


def test_two_members_never_have_one_number(organization: Organization) -> None:
    chapter, status = factories.make_chapter(), factories.make_status()
    factories.make_member(chapter, status, number="7")
    other = factories.make_member(chapter, status, number="8")
    with pytest.raises(Invalid) as refusal, transaction():
        other.correct({"number": "7"}, by=None)
    assert refusal.value.fields == {"number": "Another member has this number."}
    assert Member.here().first(Member.number == "8")


def test_a_status_in_use_stays(organization: Organization) -> None:
    status = factories.make_status()
    factories.make_member(factories.make_chapter(), status)
    with pytest.raises(Conflict, match="in use"), transaction():
        status.remove(by=None)
    with transaction():
        MemberStatus.define("Retired", billable=False, by=None).remove(by=None)
    assert [row.code for row in MemberStatus.here().all()] == ["undergraduate"]


def test_a_chapter_code_is_one_whatever_its_case(organization: Organization) -> None:
    with transaction():
        Chapter.found("alp", "Alpha", by=None)
    with pytest.raises(Invalid), transaction():
        Chapter.found("ALP", "Another", by=None)


def picture(kind: str, size: tuple[int, int] = (1200, 300)) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", size, "navy").save(drawn, kind)
    return drawn.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_logo_is_drawn_anew(kind: str) -> None:
    stored = Image.open(io.BytesIO(logo.reencoded(picture(kind))))
    assert stored.format == "PNG"
    assert stored.width <= 800 and stored.height <= 400


@pytest.mark.case("A14")
def test_nothing_hidden_in_a_logo_survives() -> None:
    polyglot = picture("PNG") + b"<script>alert(1)</script>PK\x03\x04"
    assert b"script" not in logo.reencoded(polyglot)


@pytest.mark.case("A14")
@pytest.mark.parametrize(
    "upload",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"PK\x03\x04" + b"\0" * 100,
        b"%PDF-1.7",
        picture("BMP"),
        picture("PNG")[:20],
        b"",
        picture("PNG", (6000, 6000)),
        b"x" * (3 * 1024 * 1024),
    ],
    ids=["svg", "zip", "pdf", "bmp", "cut off", "empty", "too many pixels", "too many bytes"],
)
def test_what_is_no_harmless_picture_is_refused(upload: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        logo.reencoded(upload)
    assert "logo" in refusal.value.fields


def test_the_command_line_goes_from_nothing_to_a_roster(app: Any) -> None:
    run = app.test_cli_runner()
    place = ["--currency", "USD", "--timezone", "America/New_York", "--admin", "nora@example.org"]
    made = run.invoke(args=["org", "create", "Pi Chi Fraternity", *place])
    assert (made.exit_code, made.output) == (0, "pi-chi-fraternity\n")

    file = str(ROSTERS / "messy.csv")
    dry = run.invoke(args=["roster", "import", "pi-chi-fraternity", file, "--dry-run"])
    assert dry.output.splitlines()[:4] == ["created\t7", "updated\t0", "unchanged\t0", "refused\t14"]
    done = run.invoke(args=["roster", "import", "pi-chi-fraternity", file])
    assert "line 12\tchapter_code\tThe chapter is missing." in done.output
    again = run.invoke(args=["roster", "import", "pi-chi-fraternity", file])
    assert again.stdout.splitlines()[:4] == ["created\t0", "updated\t0", "unchanged\t7", "refused\t14"]

    first = run.invoke(args=["roster", "list", "pi-chi-fraternity"]).output.splitlines()[1].split("\t")
    assert first[2:] == ["done", "21", "messy.csv"]
    asked = run.invoke(args=["roster", "undo", "pi-chi-fraternity", first[0], "--dry-run"])
    assert asked.output == "removed\t7\n"
    undone = run.invoke(args=["roster", "undo", "pi-chi-fraternity", first[0]])
    assert "removed\t7" in undone.output
    twice = run.invoke(args=["roster", "undo", "pi-chi-fraternity", first[0]])
    assert twice.exit_code == 1 and "only once" in twice.output


def test_the_command_line_refuses_with_one_sentence(app: Any) -> None:
    run = app.test_cli_runner()
    wrong = run.invoke(
        args=["org", "create", "X", "--currency", "XXQ", "--timezone", "Europe/Berlin", "--admin", "a@b.org"]
    )
    assert wrong.exit_code == 1 and "not a currency code" in wrong.output
    nowhere = run.invoke(args=["roster", "import", "nowhere", str(ROSTERS / "messy.csv")])
    assert nowhere.exit_code == 1 and "There is no organization “nowhere”." in nowhere.output


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Ærø Øst Bådelaug", "aero-ost-badelaug"),
        ("Straßenbahn-Freunde Łódź e. V.", "strassenbahn-freunde-lodz-e-v"),
        ("Þór & Đà Œuvre", "thor-da-oeuvre"),
        ("Клуб Москва", "klub-moskva"),
        ("???", "organization"),
    ],
)
def test_letters_of_every_alphabet_give_a_readable_address(app: Any, name: str, slug: str) -> None:
    assert found(name).slug == slug
