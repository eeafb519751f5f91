"""How often somebody may try to sign in: per account, per address, and all together.

The counters live in Redis. While it is away signing in is closed, because without counting anybody could try
passwords for ever; pages of people who are signed in don't need it.
"""

from flask import Flask, after_this_request, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import RateLimitItem, parse
from limits.errors import StorageError
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core.crypto import token_hash
from webapp.core.errors import Refusal, Unavailable

limiter = Limiter(key_func=get_remote_address, strategy="fixed-window")

_PER_ACCOUNT = parse("10 per 15 minutes")
_PER_ADDRESS = parse("60 per 15 minutes")
_CODES_PER_ACCOUNT = parse("5 per 15 minutes")
_ALL_TOGETHER = parse("600 per minute")
_MAILS_PER_ACCOUNT = parse("3 per hour")
_MAILS_PER_ADDRESS = parse("20 per hour")


class TooManyAttempts(Refusal):
    status = 429
    code = "too-many-attempts"
    message = "There were too many attempts to sign in."
    next_step = "Wait fifteen minutes and try again, or ask for a new password by mail."


class TooManyMails(TooManyAttempts):
    message = "That is a lot of mails."
    next_step = "Look into the spam folder, or try again in an hour."


class NoMailsNow(Unavailable):
    message = "We can't send you a mail right now."


class SignInClosed(Unavailable):
    message = "Nobody can sign in right now."
    next_step = "Whoever is signed in can go on working. Try again in a minute."


def init(app: Flask) -> None:
    app.config.update(
        RATELIMIT_STORAGE_URI="redis://",
        RATELIMIT_STORAGE_OPTIONS={
            "wrap_exceptions": True,
            "connection_pool": wiring.attempts_pool(app.config["SETTINGS"]),
        },
    )
    app.extensions["limiter"] = {limiter}  # so it hangs nothing on every request: we count where we say so
    limiter.init_app(app)


def count_attempt(account: str) -> None:
    """Before a password is looked at. An account that does not exist is counted like any other."""
    who = token_hash(account.strip().lower())
    _count(
        TooManyAttempts,
        SignInClosed,
        (_PER_ACCOUNT, who),
        (_PER_ADDRESS, _address()),
        (_ALL_TOGETHER, "sign-in"),
    )


def count_code(account: str) -> None:
    """Before a code of six digits is looked at: there are only a million of them."""
    who = token_hash(account)
    _count(
        TooManyAttempts,
        SignInClosed,
        (_CODES_PER_ACCOUNT, "code", who),
        (_PER_ADDRESS, _address()),
        (_ALL_TOGETHER, "sign-in"),
    )


def forget_codes(account: str) -> None:
    """After the right code."""
    limiter.limiter.clear(_CODES_PER_ACCOUNT, "code", token_hash(account))


def count_challenge() -> None:
    """Before a challenge for passkeys is made, which anybody can ask for."""
    together = (_ALL_TOGETHER, "sign-in")
    _count(TooManyAttempts, SignInClosed, (_PER_ADDRESS, "challenge", _address()), together)


def forget_attempts(account: str) -> None:
    """After the right password."""
    limiter.limiter.clear(_PER_ACCOUNT, token_hash(account.strip().lower()))


def count_mail(account: str) -> None:
    """Before a mail is sent that anybody can ask for."""
    who = token_hash(account.strip().lower())
    _count(
        TooManyMails, NoMailsNow, (_MAILS_PER_ACCOUNT, "mail", who), (_MAILS_PER_ADDRESS, "mail", _address())
    )


def _count(
    refusal: type[TooManyAttempts],
    closed: type[Unavailable],
    *counters: tuple[RateLimitItem, *tuple[str, ...]],
) -> None:
    try:
        if all([limiter.limiter.hit(*counter) for counter in counters]):
            return
    except StorageError as error:
        raise closed from error

    @after_this_request
    def _say_when(response: Response) -> Response:
        response.headers["Retry-After"] = str(counters[0][0].get_expiry())
        return response

    raise refusal


def _address() -> str:
    return request.remote_addr or "unknown"
