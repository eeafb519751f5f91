"""hledger: somebody else's program as a second reader of the journal."""

import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path


def run(journal: str, folder: Path, *arguments: str) -> str:
    file = folder / "books.journal"
    file.write_text(journal)
    done = subprocess.run(
        ["hledger", "-f", str(file), *arguments],
        capture_output=True,
        text=True,
        env={"LANG": "C.UTF-8"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def balances(journal: str, folder: Path) -> dict[str, Decimal]:
    """Of every account by its whole name, and their `total`."""
    told = run(journal, folder, "balance", "--flat", "--empty", "-O", "csv")
    rows = re.findall(r'^"(.+?)","(-?[\d.]+)[^"]*"$', told, re.MULTILINE)
    return {account: Decimal(amount) for account, amount in rows}


def by_code(found: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Of every account that is not zero, by its number in our chart; the total has none."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for account, amount in found.items():
        if account != "total":
            sums[re.split(r"[: ]", account)[1]] += amount
    return {code: amount for code, amount in sums.items() if amount}
