"""A forgotten password: a link by mail that works once and for two hours.

Nothing is stored for it. The link holds who and when, sealed together with the password's hash, so it dies
with the password that was forgotten.
"""

import base64
import binascii
import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

from webapp.core import clock
from webapp.core.crypto import signature
from webapp.core.db import db, new_id
from webapp.core.errors import Conflict
from webapp.domain.organizations import correspondence, roles, sessions
from webapp.domain.organizations.login import Login

LASTS = timedelta(hours=2)
_ID, _TIME = 16, 4


class ResetLinkOver(Conflict):
    message = "This link was used already, or is too old."
    next_step = "Ask for a new one on the sign-in page."


def ask(email: str) -> None:
    """Mail a link, if there is such a person; whoever asks can't tell, and neither can their clock."""
    login = Login.by_email(email)
    known = login is not None and login.disabled_at is None
    correspondence.write_to(login.id if login is not None and known else new_id(), "password_reset")


def token(login: Login, secret: str, *, at: datetime) -> str:
    """What the mail's link holds."""
    who_and_when = login.id.bytes + int(at.timestamp()).to_bytes(_TIME, "big")
    return base64.urlsafe_b64encode(who_and_when + _seal(login, who_and_when, secret)).decode().rstrip("=")


def read(text: str, secret: str, *, lock: bool = False) -> Login:
    """Whose password the link is for; ResetLinkOver when it is nobody's any more."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as error:
        raise ResetLinkOver from error
    who_and_when, seal = raw[: _ID + _TIME], raw[_ID + _TIME :]
    if len(who_and_when) < _ID + _TIME:
        raise ResetLinkOver
    login = db.session.get(
        Login, UUID(bytes=who_and_when[:_ID]), with_for_update=lock or None, populate_existing=lock
    )
    made_at = datetime.fromtimestamp(int.from_bytes(who_and_when[_ID:], "big"), UTC)
    if login is None or login.disabled_at is not None:
        raise ResetLinkOver
    if not hmac.compare_digest(seal, _seal(login, who_and_when, secret)) or made_at + LASTS < clock.now():
        raise ResetLinkOver
    return login


def change(login: Login, password: str, *, but: UUID | None = None) -> None:
    """A new password, noted in every organization of the login; its sessions end, except `but`."""
    login.choose_password(password)
    sessions.end_all(login, but=but)
    roles.record_everywhere("password_changed", login, by=login)


def _seal(login: Login, who_and_when: bytes, secret: str) -> bytes:
    return signature(secret, "password reset", who_and_when + (login.password_hash or "").encode())
