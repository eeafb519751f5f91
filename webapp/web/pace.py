"""How fast one may ask: programs per token, people per login, and whoever has neither per link and address.

The counters are those of signing in (limits.py). While they are away asking stays open: tokens and links are
too long to be guessed, so nothing is lost but the brake.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from flask import after_this_request, request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core.crypto import token_hash
from webapp.core.errors import Refusal
from webapp.web.limits import limiter

_VISITS_PER_LINK = RateLimitItemPerMinute(120)
_VISITS_PER_ADDRESS = RateLimitItemPerMinute(600)
_CODES_PER_ADDRESS = RateLimitItemPerMinute(30)
_REPORTS_PER_ADDRESS = RateLimitItemPerMinute(30)

log = structlog.get_logger()


class TooFast(Refusal):
    status = 429
    code = "too-many-requests"
    message = "These were too many requests in a short time."
    next_step = "Nothing was done. Wait a minute, then go on more slowly."


@dataclass(frozen=True)
class Left:
    """How many more are allowed, and in how many seconds the count starts anew."""

    count: int
    seconds: int


def count_address() -> None:
    """Before a program's token is looked at; twice what one token may."""
    _count(RateLimitItemPerMinute(2 * _calls_per_minute()), "call", _address())


def count_call(token: str) -> None:
    """One more call with this token. Every answer says how many are left."""
    quota = RateLimitItemPerMinute(_calls_per_minute())
    if _count(quota, "call", token) and (left := _left(quota, "call", token)):
        after_this_request(_saying(quota, left))


def count_visit() -> None:
    """Before anything that somebody without a login sends is acted upon."""
    if request.method == "GET":
        return
    _count(_VISITS_PER_ADDRESS, "visit", _address())
    if link := (request.view_args or {}).get("token"):
        _count(_VISITS_PER_LINK, "visit", token_hash(link))


def count_act(login: str) -> None:
    """Before anything that somebody who is signed in sends, or takes along as a file; looking is free."""
    if request.method != "GET" or "format" in request.args or "form" in request.args:
        _count(RateLimitItemPerMinute(_calls_per_minute()), "act", login)


def count_code() -> None:
    """Before a code that anybody can type is looked up."""
    _count(_CODES_PER_ADDRESS, "code", _address())


def count_report() -> None:
    """Before a browser's word about the content policy is written into the log."""
    _count(_REPORTS_PER_ADDRESS, "report", _address())


def _count(quota: RateLimitItem, *who: str) -> bool:
    """One more; False while nobody counts. Whoever has none left is refused."""
    try:
        allowed = limiter.limiter.hit(quota, *who)
    except StorageError as error:
        return _uncounted(error)
    if not allowed:
        left = _left(quota, *who)
        raise TooFast(retry_after=left.seconds if left else quota.get_expiry())
    return True


def _left(quota: RateLimitItem, *who: str) -> Left | None:
    """None while nobody counts. It takes two more questions, so only what is told is asked for."""
    try:
        reset_at, count = limiter.limiter.get_window_stats(quota, *who)
    except StorageError as error:
        _uncounted(error)
        return None
    return Left(count, max(1, round(reset_at - time.time())))


def _uncounted(error: StorageError) -> bool:
    log.warning("counters_away", reason=str(error)[:200])
    return False


def _saying(quota: RateLimitItem, left: Left) -> Callable[[Response], Response]:
    def say(response: Response) -> Response:
        response.headers["RateLimit-Policy"] = f'"token";q={quota.amount};w={quota.get_expiry()}'
        response.headers["RateLimit"] = f'"token";r={left.count};t={left.seconds}'
        return response

    return say


def _calls_per_minute() -> int:
    return wiring.settings().api_calls_per_minute


def _address() -> str:
    return request.remote_addr or "unknown"
