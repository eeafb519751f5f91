"""Passkeys: a key that lives in somebody's telephone, computer or security key and never leaves it.

The device checks its owner (finger, face, PIN) before it signs our challenge, so a passkey alone is both
factors. Each challenge is kept here, is good for one answer, and for five minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import webauthn
from sqlalchemy import ForeignKey, LargeBinary, delete, func, select
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from webapp.core import clock
from webapp.core.db import Base, db, new_id
from webapp.core.errors import Conflict, Invalid
from webapp.domain.organizations.login import Login

LONGEST_NAME = 60
MOST = 20
_LASTS = timedelta(minutes=5)
_UNREADABLE = (WebAuthnException, ValueError, KeyError, TypeError)


@dataclass(frozen=True)
class Site:
    """Where our passkeys are good: the host's name, and the address that browsers show."""

    name: str
    origin: str


class Passkey(Base):
    __tablename__ = "passkeys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    login_id: Mapped[UUID] = mapped_column(ForeignKey("logins.id"), index=True)
    credential_id: Mapped[str] = mapped_column(unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]

    login: Mapped[Login] = relationship(viewonly=True, lazy="raise")

    def rename(self, name: str) -> None:
        self.name = _clean_name(name)


class PasskeyChallenge(Base):
    """Of a login that adds a passkey, or of nobody yet: then the passkey says who it is."""

    __tablename__ = "passkey_challenges"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    login_id: Mapped[UUID | None] = mapped_column(ForeignKey("logins.id"))
    challenge: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime] = mapped_column(index=True)


def of(login: Login) -> Sequence[Passkey]:
    return db.session.scalars(select(Passkey).where(Passkey.login_id == login.id).order_by(Passkey.id)).all()


def ask_to_add(login: Login, site: Site) -> tuple[UUID, str]:
    """A challenge's id, and what the browser has to know to make a new passkey, as JSON."""
    there = of(login)
    if len(there) >= MOST:
        raise Conflict(f"You have {MOST} passkeys.", next_step="Remove one that you don't use any more.")
    options = webauthn.generate_registration_options(
        rp_id=site.name,
        rp_name="Duesbook",
        user_id=login.id.bytes,
        user_name=login.email or login.name,
        user_display_name=login.name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(passkey.credential_id)) for passkey in there
        ],
    )
    return _keep(options.challenge, login), webauthn.options_to_json(options)


def add(login: Login, challenge_id: UUID, answer: str, name: str, site: Site) -> Passkey | None:
    """The new passkey, or None when the browser's answer does not fit. The challenge is spent either way."""
    name = _clean_name(name)
    asked = _spend(challenge_id)
    if asked is None or asked.login_id != login.id:
        return None
    try:
        verified = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=asked.challenge,
            expected_rp_id=site.name,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except _UNREADABLE:
        return None
    made = Passkey(
        id=new_id(),
        login_id=login.id,
        credential_id=bytes_to_base64url(verified.credential_id),
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        name=name,
    )
    db.session.add(made)
    db.session.flush()
    return made


def ask_who(site: Site) -> tuple[UUID, str]:
    """A challenge's id, and what the browser has to know to let somebody choose a passkey, as JSON."""
    options = webauthn.generate_authentication_options(
        rp_id=site.name, user_verification=UserVerificationRequirement.REQUIRED
    )
    return _keep(options.challenge, None), webauthn.options_to_json(options)


def recognize(challenge_id: UUID, answer: str, site: Site) -> Login | None:
    """Whose passkey signed the challenge. The challenge is spent either way."""
    asked = _spend(challenge_id)
    if asked is None or asked.login_id is not None:
        return None
    try:
        credential = webauthn.helpers.parse_authentication_credential_json(answer)
        passkey = _known(bytes_to_base64url(credential.raw_id), credential.response.user_handle)
        if passkey is None:
            return None
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=asked.challenge,
            expected_rp_id=site.name,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except _UNREADABLE:
        return None
    passkey.sign_count, passkey.last_used_at = verified.new_sign_count, clock.now()
    return passkey.login


def _known(credential_id: str, user_handle: bytes | None) -> Passkey | None:
    """Locked, so that one answer counts the key's uses up once."""
    found = db.session.scalars(
        select(Passkey)
        .join(Login, Login.id == Passkey.login_id)
        .options(joinedload(Passkey.login))
        .where(Passkey.credential_id == credential_id, Login.disabled_at.is_(None))
        .with_for_update(of=Passkey)
        .execution_options(populate_existing=True)
    ).first()
    return found if found is not None and found.login_id.bytes == user_handle else None


def _keep(challenge: bytes, login: Login | None) -> UUID:
    db.session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.expires_at < func.now()))
    asked = PasskeyChallenge(
        id=new_id(),
        login_id=login.id if login else None,
        challenge=challenge,
        expires_at=func.now() + _LASTS,
    )
    db.session.add(asked)
    return asked.id


def _spend(challenge_id: UUID) -> PasskeyChallenge | None:
    return db.session.scalars(
        delete(PasskeyChallenge)
        .where(PasskeyChallenge.id == challenge_id, PasskeyChallenge.expires_at > func.now())
        .returning(PasskeyChallenge)
    ).first()


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise Invalid("Name the passkey.", fields={"name": "Enter a name, such as My telephone."})
    return name
