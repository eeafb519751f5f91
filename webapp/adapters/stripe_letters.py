"""What Stripe sends by itself: each letter has a seal, made with the secret of one address of ours."""

import json
from datetime import datetime, timedelta

from stripe import SignatureVerificationError, WebhookSignature

from webapp.adapters import stripe_objects as objects
from webapp.domain.payments.gateway import Notice, SignatureRefused

OLDEST, NEWEST = timedelta(minutes=5), timedelta(seconds=60)
"""How old a webhook's seal may be, and how far its clock may run ahead of ours."""


def read_notice(body: bytes, signature: str, secret: str, *, now: datetime) -> Notice:
    """Check the seal; SignatureRefused when forged, stale, or from the future."""
    _check_moment(signature, now)
    try:
        WebhookSignature.verify_header(body, signature, secret)
        event = json.loads(body)
    except SignatureVerificationError as error:
        raise SignatureRefused from error
    except ValueError as error:
        raise SignatureRefused("This delivery can't be read.") from error
    if not objects.is_event(event):
        raise SignatureRefused("This delivery is not one of Stripe's events.")
    return objects.notice(event)


def _check_moment(signature: str, now: datetime) -> None:
    """The SDK looks only backwards; a seal dated in the future was made to be used later."""
    stamps = [part[2:] for part in signature.split(",") if part.startswith("t=")]
    if len(stamps) != 1 or not stamps[0].isascii() or not stamps[0].isdigit() or len(stamps[0]) > 12:
        raise SignatureRefused
    made = int(stamps[0])
    if not now.timestamp() - OLDEST.total_seconds() <= made <= now.timestamp() + NEWEST.total_seconds():
        raise SignatureRefused("This delivery was sealed too long ago, or in the future.")
