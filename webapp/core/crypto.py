"""Secrets at rest: AES-256-GCM, bound to the exact place they are stored in.

A ciphertext names its key and carries `organization|table|column|row|key` as associated data, so it can't
be read after a move to another row, and old keys keep working until `keys rotate` has re-encrypted.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from webapp.core.errors import Unavailable

_VERSION = "v1"
_NONCE_BYTES = 12


class SecretUnreadable(Unavailable):
    """The ciphertext was changed, moved, or its key is not configured any more."""

    message = "A stored credential can't be read."
    next_step = "Enter it again on the settings page, or restore the missing key in CREDENTIAL_KEYS."


@dataclass(frozen=True)
class Place:
    """Where a secret is stored; part of what the cipher authenticates. A login's has no organization."""

    organization_id: UUID | None
    table: str
    column: str
    row_id: UUID


class KeyRing:
    """The keys of CREDENTIAL_KEYS, newest first, each 32 bytes in base64."""

    def __init__(self, keys: Sequence[str]) -> None:
        raw = [_decode(key) for key in keys]
        if not raw:
            raise ValueError("CREDENTIAL_KEYS needs at least one key.")
        self._keys = {hashlib.sha256(key).hexdigest()[:8]: key for key in raw}
        self.newest = next(iter(self._keys))

    def encrypt(self, secret: str, place: Place) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._keys[self.newest]).encrypt(nonce, secret.encode(), _bound(place, self.newest))
        return f"{_VERSION}.{self.newest}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def decrypt(self, stored: str, place: Place) -> str:
        try:
            version, key_id, body = stored.split(".")
            sealed = base64.urlsafe_b64decode(body)
            key = self._keys[key_id]
            opened = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(place, key_id))
        except (ValueError, KeyError, InvalidTag, binascii.Error) as error:
            raise SecretUnreadable from error
        if version != _VERSION:
            raise SecretUnreadable
        return opened.decode()

    def is_current(self, stored: str) -> bool:
        """Whether it was encrypted with the newest key."""
        return stored.split(".")[1:2] == [self.newest]


def _bound(place: Place, key_id: str) -> bytes:
    return f"{place.organization_id}|{place.table}|{place.column}|{place.row_id}|{key_id}".encode()


def _decode(key: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(key.strip() + "=" * (-len(key.strip()) % 4))
    except (ValueError, binascii.Error) as error:
        raise ValueError("A key in CREDENTIAL_KEYS is not base64.") from error
    if len(raw) != 32:
        raise ValueError("Each key in CREDENTIAL_KEYS must be 32 bytes in base64.")
    return raw


def token_hash(token: str) -> str:
    """What is stored of a random token of 128 bits or more: enough to recognize it, useless to a thief."""
    return hashlib.sha256(token.encode()).hexdigest()


def signature(secret: str, purpose: str, message: bytes) -> bytes:
    """32 bytes of HMAC-SHA-256 under a key of its own for each purpose."""
    key = hmac.digest(secret.encode(), purpose.encode(), "sha256")
    return hmac.digest(key, message, "sha256")
