"""`python -m benchmarks [name …]`: one `RATIO name value` line each, then the table behind them."""

import sys

from benchmarks import billing, books, exports, letters, payments, reading
from benchmarks.measuring import Table

ALL = {
    "billing": billing.run,
    "growth": billing.grow,
    "books": books.run,
    "payments": payments.run,
    "reading": reading.run,
    "exports": exports.run,
    "letters": letters.run,
}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(f"There is no benchmark “{unknown[0]}”. There are: {', '.join(ALL)}.")
    table = Table()
    for name in names or ALL:
        ALL[name](table)
    table.show()


if __name__ == "__main__":
    main(sys.argv[1:])
