"""An uploaded logo, drawn anew: what is stored is a plain PNG that we made, never the file that came in."""

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from webapp.core.errors import Invalid

MOST_BYTES = 2 * 1024 * 1024
_MOST_PIXELS = 16_000_000
_LARGEST = (800, 400)
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


def reencoded(upload: bytes) -> bytes:
    """At most 800 × 400 pixels. Whatever else was hidden in the file (scripts, archives) is gone."""
    if len(upload) > MOST_BYTES:
        raise _refused("The picture is larger than 2 MB.")
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(upload), formats=_FORMATS) as picture:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if picture.width * picture.height > _MOST_PIXELS:
                raise _refused("The picture has too many pixels; 800 × 400 is plenty.")
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _refused("This is not a PNG, JPEG, WebP or GIF picture.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise _refused("The picture is damaged.") from error
    upright.thumbnail(_LARGEST)
    clean = Image.new("RGBA", upright.size)
    clean.paste(upright)
    drawn = io.BytesIO()
    clean.save(drawn, "PNG", optimize=True)
    return drawn.getvalue()


def _refused(sentence: str) -> Invalid:
    return Invalid(fields={"logo": sentence})
