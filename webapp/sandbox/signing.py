"""Stripe's signature of a webhook body."""

import hashlib
import hmac
import time


def signature(payload: str, secret: str, timestamp: int | None = None) -> str:
    """The value of the `Stripe-Signature` header."""
    moment = int(time.time()) if timestamp is None else timestamp
    digest = hmac.new(secret.encode(), f"{moment}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"
