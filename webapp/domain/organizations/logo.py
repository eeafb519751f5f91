"""An organization's logo: a plain PNG that we drew ourselves."""

from webapp.core.errors import Invalid
from webapp.domain.organizations import pictures

MOST_BYTES = 2 * 1024 * 1024
_MOST_PIXELS = 16_000_000
_LARGEST = (800, 400)


def reencoded(upload: bytes) -> bytes:
    """At most 800 × 400 pixels."""
    if len(upload) > MOST_BYTES:
        raise Invalid(fields={"logo": "The picture is larger than 2 MB."})
    try:
        return pictures.redrawn(upload, within=_LARGEST, pixels=_MOST_PIXELS)
    except Invalid as refusal:
        raise Invalid(fields={"logo": refusal.message}) from refusal
