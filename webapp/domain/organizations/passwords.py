"""Passwords: kept as Argon2id hashes, refused when they are easy to guess."""

from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

SHORTEST = 10
LONGEST = 200
_ENOUGH_GUESSES = 10**8
_LOOKED_AT = 72
_OURS = ("duesbook", "dues", "invoice", "treasurer", "chapter", "national", "fraternity", "sorority", "union")
"""What somebody would try here first; docs/security.md lists them."""
_hasher = PasswordHasher()
_hasher_of_codes = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hashed(password: str) -> str:
    return _hasher.hash(password)


def hashed_code(code: str) -> str:
    """For fifty random bits, of which ten are made at once: less stretching than for what people think up."""
    return _hasher_of_codes.hash(code)


def matches(stored: str | None, password: str) -> bool:
    """Whether it is the one that was stored. Nothing stored takes as long to say no."""
    nobodys = _nobodys_hash(_hasher)
    try:
        return _hasher.verify(stored or nobodys, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Made when hashing was cheaper than it is today."""
    return _hasher.check_needs_rehash(stored)


def weakness(password: str, *, about: Sequence[str] = ()) -> str | None:
    """Why it can't be used, or None. `about` is what is known of the person, such as name and address."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters. Several words are easy to remember."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    guesses = zxcvbn(password[:_LOOKED_AT], user_inputs=[*_OURS, *about])["guesses"]
    if guesses < _ENOUGH_GUESSES:
        return "This is easy to guess. Add a word or two that nobody would expect."
    return None


@cache
def _nobodys_hash(hasher: PasswordHasher) -> str:
    return hasher.hash("the password of nobody")
