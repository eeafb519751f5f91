"""The journal leaves the house in forms that other programs read, and they find the same figures."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import factories, hledger
from tests.domain.ledger.conftest import Paper, cash, dues, take_back, write
from webapp.core import money, tenancy
from webapp.core.db import transaction
from webapp.domain import ledger
from webapp.domain.ledger import Code, Event
from webapp.domain.ledger.export import CSV_HEADER, Format, Journal


@pytest.fixture
def spring(world: Any) -> Any:
    """Names and descriptions as people write them, a reversal, and two chapters."""
    with transaction() as session:
        session.merge(world.ben).number = "B:2  x;y%"
    write(dues(world, 40000), on=date(2026, 1, 10), description="Dues; spring | 2026\nsecond line")
    write(dues(world, 12345, member=world.ben), on=date(2026, 1, 11), description='(1) "Ben\\s" * dues')
    write(cash(world, 45, member=world.ben), on=date(2026, 2, 3), event=Event.PAYMENT_RECEIVED)
    take_back(write(dues(world, 700, chapter=world.other_chapter), on=date(2026, 2, 4)), on=date(2026, 2, 5))
    return world


def test_hledger_reads_the_journal_and_agrees_on_every_account_to_the_cent(
    spring: Any, tmp_path: Path
) -> None:
    text = "".join(Journal(spring.organization).text(Format.HLEDGER))

    hledger.run(text, tmp_path, "check", "--strict")
    found = hledger.balances(text, tmp_path)

    trial = ledger.trial_balance(date(2026, 12, 31))
    assert hledger.by_code(found) == {
        line.code: money.to_decimal(line.net, "USD") for line in trial.lines if line.net
    }
    assert found.get("total", 0) == 0
    for member in (spring.ana, spring.ben):
        named = [amount for account, amount in found.items() if account.endswith(hledger_name(member.number))]
        assert sum(named) == money.to_decimal(ledger.member_balance(member.id, Code.RECEIVABLE), "USD")


def hledger_name(number: str) -> str:
    return "B%3A2%20 x%3By%25" if number.startswith("B:") else f":{number}"


@pytest.mark.parametrize(("currency", "expected"), [("JPY", "40000"), ("KWD", "40.000")])
def test_currencies_without_or_with_three_decimals_keep_them(
    app: Any, tmp_path: Path, currency: str, expected: str
) -> None:
    organization = factories.make_organization(currency=currency)
    with tenancy.acting_for(organization.id):
        factories.found(organization)
        chapter = factories.make_chapter()
        ana = factories.make_member(chapter, factories.make_status())
        write(dues(SimpleNamespace(chapter=chapter, ana=ana), 40000), paper=Paper(currency=currency))
        text = "".join(Journal(organization).text(Format.HLEDGER))

    assert f"  {expected} {currency}\n" in text
    assert expected in hledger.run(text, tmp_path, "balance", "--flat", "-O", "csv")


def test_an_export_of_a_span_holds_its_days_only(spring: Any) -> None:
    rows = list(Journal(spring.organization, date(2026, 1, 11), date(2026, 2, 3)).csv_rows())

    assert [row[0] for row in rows] == ["2026-01-11", "2026-02-03"]
    assert all(len(row) == len(CSV_HEADER) for row in rows)
    assert dict(zip(CSV_HEADER, rows[0], strict=True))["debit account"] == "1200"
    assert rows[0][-3:] == (Decimal("123.45"), 12345, "USD")


def test_beancount_opens_each_account_once_before_it_is_used_and_every_transaction_sums_to_zero(
    spring: Any,
) -> None:
    text = "".join(Journal(spring.organization).text(Format.BEANCOUNT))

    opened = re.findall(r"^2026-01-10 open (\S+) USD$", text, re.MULTILINE)
    used = re.findall(r"^  ((?:Assets|Liabilities|Income|Expenses)\S*)  (-?[\d.]+) USD$", text, re.MULTILINE)
    assert len(opened) == len(set(opened))
    assert {account for account, _ in used} == set(opened)
    part = r"[A-Z0-9][A-Za-z0-9-]*"
    assert all(
        re.fullmatch(rf"(Assets|Liabilities|Income|Expenses)(:{part})+", account) for account in opened
    )
    for transaction_text in text.split("\n\n")[1:]:
        amounts = re.findall(r"(-?[\d.]+) USD$", transaction_text, re.MULTILINE)
        assert sum(map(Decimal, amounts)) == 0
    assert r'2026-01-11 * "(1) \"Ben\\s\" * dues"' in text
