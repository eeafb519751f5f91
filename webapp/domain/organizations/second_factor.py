"""The second thing somebody shows besides a password. National admins need one, everybody may have one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, select

from webapp.core import clock
from webapp.core.crypto import KeyRing
from webapp.core.db import db
from webapp.core.errors import Conflict, Invalid, NotAllowed
from webapp.domain.organizations import correspondence, recovery_codes, roles, sessions
from webapp.domain.organizations.authenticator_app import AuthenticatorApp
from webapp.domain.organizations.login import Login
from webapp.domain.organizations.passkeys import Passkey
from webapp.domain.organizations.sessions import Method


class LastSecondFactor(Conflict):
    message = "A national admin signs in in two steps, and this is your only second one."
    next_step = "Set up another one first, then remove this one."


@dataclass(frozen=True)
class SecondFactor:
    """What a login has. `app` is the confirmed one."""

    app: AuthenticatorApp | None
    passkeys: Sequence[Passkey]
    codes_left: int

    def __bool__(self) -> bool:
        return self.app is not None or bool(self.passkeys)


def of(login: Login) -> SecondFactor:
    """Asked for at once: it stands on pages that ask for much else."""
    is_confirmed = AuthenticatorApp.confirmed_at.is_not(None)
    found = db.session.execute(
        select(AuthenticatorApp, Passkey, recovery_codes.left_of(Login.id))
        .select_from(Login)
        .outerjoin(AuthenticatorApp, and_(AuthenticatorApp.login_id == Login.id, is_confirmed))
        .outerjoin(Passkey, Passkey.login_id == Login.id)
        .where(Login.id == login.id)
        .order_by(Passkey.id)
    ).all()
    app, _, codes_left = found[0]
    return SecondFactor(app, [passkey for _, passkey, _ in found if passkey is not None], codes_left)


def is_enough(login: Login, methods: Collection[Method]) -> bool:
    """Whether who has shown this is signed in, or is still to show the second factor there is."""
    return sessions.is_strong(methods) or not of(login)


def is_everything(login: Login, methods: Collection[Method]) -> bool:
    """Whether this is all that signing in with a password or passkey would ask for."""
    return Method.PASSKEY in methods or (Method.MEMORIZED in methods and is_enough(login, methods))


def prove(login: Login, code: str, keys: KeyRing) -> Method | None:
    """What this code is, six digits or a recovery code; None when it is neither. It is spent."""
    app = AuthenticatorApp.of(login, lock=True)
    if app is not None and app.confirmed_at is not None and app.accepts(code, keys):
        return Method.APP_CODE
    if not recovery_codes.use(login, code):
        return None
    roles.record_everywhere("recovery_code_used", login, by=login)
    return Method.RECOVERY_CODE


def confirm_app(login: Login, code: str, keys: KeyRing) -> None:
    """The app shows the right code, so it counts from now on."""
    app = AuthenticatorApp.of(login, lock=True)
    if app is None or app.confirmed_at is not None:
        raise Conflict("There is no app to be confirmed.", next_step="Start again from your account.")
    if not app.accepts(code, keys):
        raise Invalid(
            "Not the code.",
            fields={
                "code": "This is not the code of now. Wait for the next one, and check the telephone's clock."
            },
        )
    app.confirmed_at = clock.now()
    _changed("authenticator_app_added", login)


def remove_app(login: Login) -> None:
    have = of(login)
    if have.app is not None:
        _refuse_if_last(login, left=len(have.passkeys))
        db.session.delete(have.app)
        _removed("authenticator_app_removed", login, left=len(have.passkeys))


def note_passkey(login: Login, passkey: Passkey) -> None:
    _changed("passkey_added", login, name=passkey.name)


def remove_passkey(login: Login, passkey: Passkey) -> None:
    have = of(login)
    left = len(have.passkeys) - 1 + (have.app is not None)
    _refuse_if_last(login, left=left)
    db.session.delete(passkey)
    _removed("passkey_removed", login, left=left, name=passkey.name)


def why_no_reset(login: Login, *, by: Login) -> NotAllowed | None:
    """What keeps this admin from giving that person a fresh start."""
    if by.id == login.id:
        return NotAllowed(
            "Somebody else has to reset your second step.", next_step="Ask another national admin."
        )
    if len(roles.organizations_of(login)) > 1:
        return NotAllowed(
            f"{login.name} works for another organization too.",
            next_step="Ask whoever runs Duesbook for you to reset it.",
        )
    return None


def reset(login: Login, *, by: Login | None, reason: str) -> None:
    """A lost device: everything is forgotten, every browser signed out, and the person told by mail.

    `by` is a national admin here, or None for whoever runs Duesbook.
    """
    if by is not None and (refusal := why_no_reset(login, by=by)):
        raise refusal
    for kind in (AuthenticatorApp, Passkey):
        db.session.execute(delete(kind).where(kind.login_id == login.id))
    recovery_codes.forget(login)
    sessions.end_all(login)
    roles.record_everywhere("second_factor_reset", login, by=by, reason=reason)
    correspondence.write_to(login.id, "second_factor_reset")


def _refuse_if_last(login: Login, *, left: int) -> None:
    if not left and roles.is_national_admin(login):
        raise LastSecondFactor


def _removed(action: str, login: Login, *, left: int, **facts: str) -> None:
    if not left:
        recovery_codes.forget(login)
    _changed(action, login, **facts)


def _changed(action: str, login: Login, **facts: str) -> None:
    roles.record_everywhere(action, login, by=login, after=facts or None)
    correspondence.write_to(login.id, "second_factor_changed")
