"""Which adapter stands behind each of the domain's protocols, and what a new organization starts with."""

import atexit
import json
import secrets
from base64 import urlsafe_b64encode
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app

from webapp.adapters import schema
from webapp.adapters.embedded import EmbeddedServers
from webapp.adapters.rq_dispatcher import RqDispatcher
from webapp.config import Settings
from webapp.core import jobs
from webapp.core.crypto import KeyRing


def complete(settings: Settings) -> Settings:
    """Fill in what may be left out on one's own machine: embedded servers, secrets kept in the data folder."""
    found: dict[str, Any] = {}
    if not settings.database_url or not settings.redis_url:
        found |= _embedded(settings)
    if not settings.is_production:
        found |= _local_secrets(settings)
    return settings.model_copy(
        update={key: value for key, value in found.items() if not getattr(settings, key)}
    )


def _embedded(settings: Settings) -> dict[str, str]:
    servers = EmbeddedServers(settings.data)
    addresses = servers.start()
    atexit.register(servers.stop)
    schema.upgrade(addresses.database_owner_url)
    return {
        "database_url": addresses.database_url,
        "database_owner_url": addresses.database_owner_url,
        "redis_url": addresses.redis_url,
    }


def _local_secrets(settings: Settings) -> dict[str, str]:
    kept = Path(settings.data) / "secrets.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        made = {
            "secret_key": secrets.token_urlsafe(48),
            "credential_keys": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        kept.write_text(json.dumps(made))
    return dict(json.loads(kept.read_text()))


def connect(app: Flask) -> None:
    """Give the process its dispatcher; the queue itself is first asked when something is sent."""
    chosen: Settings = app.config["SETTINGS"]
    jobs.deliver_through(RqDispatcher(chosen.redis_url))


def settings() -> Settings:
    chosen: Settings = current_app.config["SETTINGS"]
    return chosen


@cache
def _key_ring(keys: str) -> KeyRing:
    return KeyRing(keys.split(","))


def key_ring() -> KeyRing:
    """The keys that stored credentials are encrypted with."""
    return _key_ring(settings().credential_keys)
