"""The books as people see them: chapter ledger, own account, journal, trial balance, exports."""

import csv
import io
import re
from datetime import date
from typing import Any

import pytest

from tests import factories
from tests.domain.ledger.conftest import Paper, cash, dues, organization, take_back, world, write
from tests.statements import statements
from webapp.core.db import transaction
from webapp.domain import ledger
from webapp.domain.ledger import Event, Override
from webapp.domain.organizations import RoleName

__all__ = ["organization", "world"]


@pytest.fixture
def spring(world: Any) -> Any:
    write(dues(world, 40000), on=date(2026, 1, 10), description="Spring 2026 dues of Ana")
    write(dues(world, 40000, member=world.ben), on=date(2026, 1, 10), description="Spring 2026 dues of Ben")
    write(cash(world, 15000), on=date(2026, 2, 3), event=Event.PAYMENT_RECEIVED, description="Check 4711")
    world.address = f"/o/{world.organization.slug}"
    return world


def signed_in(client: Any, sign_in: Any, role: RoleName, **place: Any) -> Any:
    login = factories.make_login()
    factories.make_role(login, role, **place)
    sign_in(client, login)
    return client


@pytest.fixture
def treasurer(client: Any, spring: Any, sign_in: Any) -> Any:
    return signed_in(client, sign_in, RoleName.TREASURER, chapter=spring.chapter)


@pytest.fixture
def member(client: Any, spring: Any, sign_in: Any) -> Any:
    return signed_in(client, sign_in, RoleName.MEMBER, member=spring.ana)


@pytest.fixture
def office(client: Any, spring: Any, sign_in: Any) -> Any:
    return signed_in(client, sign_in, RoleName.NATIONAL_ADMIN)


@pytest.fixture
def stranger(client: Any, spring: Any, sign_in: Any) -> Any:
    sign_in(client, factories.make_login("Somebody Else"))
    return client


def words(answer: Any) -> str:
    """The page as it reads."""
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def rows_of(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.text)))


def test_a_treasurer_reads_what_is_owed_after_every_line(treasurer: Any, spring: Any) -> None:
    text = words(treasurer.get(f"{spring.address}/chapters/ALP/ledger/"))

    assert re.search(r"Check 4711 .*\$150\.00 \$650\.00 .*\$400\.00 \$800\.00 .*\$400\.00 \$400\.00", text)
    assert "Paid or taken off" in text


def test_another_account_has_other_words_and_its_own_balance(treasurer: Any, spring: Any) -> None:
    text = words(treasurer.get(f"{spring.address}/chapters/ALP/ledger/?account=1000"))

    assert "Money in" in text and "$150.00 $150.00" in text
    assert "Spring 2026" not in text


def test_the_ledger_of_a_span_says_which_days_it_shows(treasurer: Any, spring: Any) -> None:
    text = words(treasurer.get(f"{spring.address}/chapters/ALP/ledger/?since=2026-02-01&until=2026-02-28"))

    assert "From Feb 1, 2026" in text and "Check 4711" in text and "dues of Ana" not in text


def test_a_swap_answers_the_list_alone(treasurer: Any, spring: Any) -> None:
    answer = treasurer.get(f"{spring.address}/chapters/ALP/ledger/", headers={"HX-Request": "true"})

    assert answer.text.lstrip().startswith('<div id="list"')


def test_a_long_ledger_continues_with_the_right_balance(treasurer: Any, spring: Any) -> None:
    for day in range(1, 29):
        write(dues(spring, 100), dues(spring, 100), on=date(2026, 3, day))

    first = treasurer.get(f"{spring.address}/chapters/ALP/ledger/")
    more = re.search(r'href="([^"]*after=[^"]*)"', first.text)
    assert more is not None
    second = words(treasurer.get(more[1].replace("&amp;", "&")))

    assert re.search(r"Mar 3, 2026 .*\$1\.00 \$656\.00 .*Mar 1, 2026 .*\$1\.00 \$651\.00", second)
    assert "Check 4711" in second


def test_the_chapter_ledger_as_csv_runs_forward_and_can_not_run_formulas(treasurer: Any, spring: Any) -> None:
    write(dues(spring, 100), on=date(2026, 4, 1), description="=1+1")

    rows = rows_of(treasurer.get(f"{spring.address}/chapters/ALP/ledger/?format=csv"))

    assert [row[-2] for row in rows[1:]] == ["400.00", "800.00", "650.00", "651.00"]
    assert rows[-1][2] == "'=1+1"


def test_the_number_of_questions_to_the_database_does_not_grow_with_the_list(
    treasurer: Any, spring: Any
) -> None:
    def asked() -> int:
        with statements() as asked:
            treasurer.get(f"{spring.address}/chapters/ALP/ledger/")
        return len(asked)

    few = asked()
    for _ in range(20):
        write(dues(spring, 100), dues(spring, 100))

    assert asked() == few


def test_a_member_reads_the_own_account_and_nobody_elses(member: Any, spring: Any) -> None:
    text = words(member.get(f"{spring.address}/my/account/"))

    assert "You owe $250.00" in text
    assert "Check 4711" in text and "dues of Ben" not in text
    assert [row[-2] for row in rows_of(member.get(f"{spring.address}/my/account/?format=csv"))[1:]] == [
        "400.00",
        "250.00",
    ]
    assert "You owed $400.00 on January 31, 2026" in words(
        member.get(f"{spring.address}/my/account/?until=2026-01-31")
    )


def test_the_trial_balance_of_a_day_agrees_to_the_cent(office: Any, spring: Any) -> None:
    text = words(office.get(f"{spring.address}/national/trial-balance/?as_of=2026-01-31"))

    assert "Total $800.00 $800.00" in text
    assert "do not agree" not in text
    rows = rows_of(office.get(f"{spring.address}/national/trial-balance/?format=csv"))
    assert ["1000", "Bank", "asset", "150.00", "0.00", "USD"] in rows


def test_the_journal_filters_and_opens_each_entry_with_what_was_checked(office: Any, spring: Any) -> None:
    listed = words(office.get(f"{spring.address}/national/journal/?event=payment_received"))
    assert "Check 4711" in listed and "dues of Ana" not in listed

    entry = write(dues(spring, 900), description="Charged twice")
    reversal = take_back(entry, description="Taken back: charged twice")
    shown = words(office.get(f"{spring.address}/national/journal/{entry.id}"))

    assert "1200 Accounts receivable" in shown and spring.ana.name in shown and "$9.00" in shown
    assert "Fee is confirmed Passed" in shown
    assert reversal.description in shown
    assert "the entry it takes back" in words(office.get(f"{spring.address}/national/journal/{reversal.id}"))
    assert len(rows_of(office.get(f"{spring.address}/national/journal/?format=csv"))) == 6


def test_an_overridden_guard_shows_who_allowed_it_and_why(office: Any, spring: Any) -> None:
    with transaction():
        ledger.close_span(date(2026, 3, 1), date(2026, 3, 31), by=None)
    admin = factories.make_admin("Nora Admin")
    entry = write(dues(spring, 900), override=Override(admin, "The auditor asked for it"))

    shown = words(office.get(f"{spring.address}/national/journal/{entry.id}"))

    assert "Nora Admin allowed it all the same: “The auditor asked for it”" in shown
    assert "Period is open Overridden The books are closed" in shown


@pytest.mark.parametrize(
    ("form", "beginning"), [("hledger", "; Pi Chi"), ("beancount", 'option "title"'), ("csv", "date,entry")]
)
def test_the_journal_can_be_downloaded(office: Any, spring: Any, form: str, beginning: str) -> None:
    assert "Download" in words(office.get(f"{spring.address}/national/exports/"))

    answer = office.get(f"{spring.address}/national/exports/journal?form={form}&since=2026-02-01")

    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.text.startswith(beginning)
    assert "Check 4711" in answer.text and "dues of Ana" not in answer.text


@pytest.mark.case("A1")
@pytest.mark.parametrize(
    "page",
    [
        "/chapters/ALP/ledger/",
        "/my/account/",
        "/national/journal/",
        "/national/trial-balance/",
        "/national/exports/",
        "/national/exports/journal",
    ],
)
def test_a_stranger_finds_nothing(stranger: Any, spring: Any, page: str) -> None:
    assert stranger.get(f"{spring.address}{page}").status_code == 404


def test_an_entry_of_another_organization_is_not_there(office: Any, spring: Any) -> None:
    assert office.get(f"{spring.address}/national/journal/{Paper().id}").status_code == 404


def test_a_treasurer_does_not_read_the_national_books(treasurer: Any, spring: Any) -> None:
    assert treasurer.get(f"{spring.address}/national/journal/").status_code == 403
