import os
import subprocess
import sys

import pytest

from webapp.core import failpoints

WALK = """
from webapp.core import failpoints
for step in range(3):
    failpoints.passing("before the call")
    print("passed", flush=True)
"""


def walk(fail_at: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"FAIL_AT": fail_at}
    return subprocess.run(
        [sys.executable, "-c", WALK], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("fail_at", "passed", "status"),
    [
        ("before the call", 0, failpoints.KILLED),
        ("before the call:3", 2, failpoints.KILLED),
        ("before the call:4", 3, 0),
        ("another place", 3, 0),
        ("", 3, 0),
    ],
)
def test_the_process_dies_at_the_named_passage_and_nowhere_else(
    fail_at: str, passed: int, status: int
) -> None:
    ended = walk(fail_at)

    assert (ended.stdout.count("passed"), ended.returncode) == (passed, status)


def test_nothing_is_counted_when_nobody_asked() -> None:
    assert failpoints.reader("") is failpoints._nothing
