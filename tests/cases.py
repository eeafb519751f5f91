"""Which case, fault and attack of the plan is tested where: what `make cases` prints."""

import contextlib
import io
import sys
from collections import defaultdict

import pytest

LAST_OF_EACH_KIND = {"K": 36, "F": 32, "A": 22}
PLAN = [f"{kind}{number}" for kind, last in LAST_OF_EACH_KIND.items() for number in range(1, last + 1)]


class Collector:
    """Notes the cases of every collected test; parameters of one test count once."""

    def __init__(self) -> None:
        self.tests: dict[str, list[str]] = defaultdict(list)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            name = item.nodeid.split("[", 1)[0]
            for marker in item.iter_markers("case"):
                for number in marker.args:
                    if name not in self.tests[number]:
                        self.tests[number].append(name)


def main() -> int:
    collector = Collector()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        outcome = pytest.main(["--collect-only", "-q", "-n0", "tests"], plugins=[collector])
    if outcome is not pytest.ExitCode.OK:
        print(said.getvalue(), file=sys.stderr)
        return 1
    for number in PLAN:
        for name in collector.tests.get(number, []):
            print(f"{number}\t{name}")
    missing = [number for number in PLAN if number not in collector.tests]
    print(f"without a test\t{' '.join(missing) or 'none'}")
    unknown = sorted(set(collector.tests) - set(PLAN))
    if unknown:
        print(f"The plan has no case {', '.join(unknown)}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
