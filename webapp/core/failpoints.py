"""Named places where a test lets the process die as if somebody had pulled the plug.

`FAIL_AT="name:3"` ends the process at its third passage. Without it, passing costs an empty call.
"""

import os
from collections.abc import Callable

KILLED = 137
"""Exit status of a process that the kernel killed."""


def _nothing(name: str) -> None:
    """Nobody is testing."""


def reader(wanted: str) -> Callable[[str], None]:
    """What `passing` does for this value of FAIL_AT: a name, and after a colon which passage is the last."""
    if not wanted:
        return _nothing
    fatal, _, ordinal = wanted.partition(":")
    left = int(ordinal or 1)

    def count_down(name: str) -> None:
        nonlocal left
        if name == fatal:
            left -= 1
            if left == 0:
                os._exit(KILLED)

    return count_down


passing = reader(os.environ.get("FAIL_AT", ""))
