"""Counts what happened, over all processes and machines: how jobs ended, how processors answered.

A count that can't be kept is dropped; nothing waits for it and nothing depends on it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol


class Counted(StrEnum):
    """Each is counted by two words: a job by its name and how it ended, a call by processor and answer."""

    JOB = "job"
    PROCESSOR_CALL = "processor_call"


class Counter(Protocol):
    def add(self, what: Counted, name: str, outcome: str) -> None: ...

    def all(self, what: Counted) -> Mapping[tuple[str, str], int]:
        """Counts by name and outcome. Empty while nobody can be asked."""
        ...


_counter: list[Counter] = []


def count_in(counter: Counter) -> None:
    """The one counter of this process, chosen in wiring."""
    _counter[:] = [counter]


def count(what: Counted, name: str, outcome: str) -> None:
    if _counter:
        _counter[0].add(what, name, outcome)


def counted(what: Counted) -> Mapping[tuple[str, str], int]:
    return _counter[0].all(what) if _counter else {}
