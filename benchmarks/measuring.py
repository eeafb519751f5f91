"""Times, ratios, and how they are printed."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

MEGABYTE = 1_000_000


@dataclass
class Table:
    """The figures behind the ratios, printed after them."""

    rows: list[tuple[str, str]] = field(default_factory=list)

    def ratio(self, name: str, value: float, *figures: tuple[str, float]) -> None:
        """`figures` are names and seconds."""
        self.figure(name, value, *((label, f"{seconds * 1000:,.1f} ms") for label, seconds in figures))

    def figure(self, name: str, value: float, *figures: tuple[str, str]) -> None:
        """`figures` are names and what was seen, with its unit."""
        print(f"RATIO {name} {value:.3f}", flush=True)
        self.rows += [(f"{name}: {label}", seen) for label, seen in figures]

    def show(self) -> None:
        width = max((len(label) for label, _ in self.rows), default=0)
        for label, value in self.rows:
            print(f"{label.ljust(width)}  {value:>14}")


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Spent(NamedTuple):
    """Seconds on the clock, and those of a processor that this process used meanwhile."""

    clock: float
    processor: float


def spent(work: Callable[[], object]) -> Spent:
    processor = time.process_time()
    return Spent(seconds(work), time.process_time() - processor)


def least(runs: Iterable[Spent]) -> Spent:
    """The fastest and the cheapest of some runs."""
    return Spent(*map(min, zip(*runs, strict=True)))


def best_of_each(*works: Callable[[], object], times: int = 15) -> list[float]:
    """The fastest of some runs of each, in turns, so that whatever disturbs one disturbs the others too."""
    rounds = [[seconds(work) for work in works] for _ in range(times)]
    return [min(column) for column in zip(*rounds, strict=True)]


def best(work: Callable[[], object], times: int = 3) -> float:
    """The fastest of some runs: what the machine can do when nobody disturbs it."""
    return min(seconds(work) for _ in range(times))
