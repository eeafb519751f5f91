"""Two transactions that wait for each other's rows: the database ends one, and that one is done again."""

import time
from collections.abc import Callable, Iterator
from random import SystemRandom
from typing import TypeVar

from psycopg.errors import DeadlockDetected, SerializationFailure
from sqlalchemy.exc import DBAPIError, OperationalError

T = TypeVar("T")

PAUSES = (0.02, 0.1, 0.4)
"""Seconds before each new try, each drawn out at random so that the two do not meet again."""

_chance = SystemRandom()


def is_deadlock(error: BaseException) -> bool:
    """Whether the transaction lost against another one, and would have gone through alone."""
    return isinstance(error, DBAPIError) and isinstance(error.orig, DeadlockDetected | SerializationFailure)


def pauses() -> Iterator[float]:
    """One for each new try there is."""
    for pause in PAUSES:
        yield pause * _chance.uniform(0.5, 1.5)


def outlast(work: Callable[[], T]) -> T:
    """Do work that may be begun again at any time, up to three times more when it meets a deadlock."""
    for pause in pauses():
        try:
            return work()
        except OperationalError as error:
            if not is_deadlock(error):
                raise
            time.sleep(pause)
    return work()
