"""Uploaded pictures, drawn anew: what is stored is a file that we made, never the one that came in."""

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from webapp.core.errors import Invalid

_MOST_PIXELS = 50_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


class NotAPicture(Invalid):
    message = "This is not a PNG, JPEG, WebP or GIF picture."


def redrawn(upload: bytes, *, within: tuple[int, int], as_: str = "PNG", pixels: int = _MOST_PIXELS) -> bytes:
    """Upright, within these pixels. Whatever else was hidden in the file (scripts, archives) is gone."""
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(upload), formats=_FORMATS) as picture:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if picture.width * picture.height > pixels:
                raise Invalid(f"The picture has more than {pixels // 1_000_000} million pixels.")
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotAPicture from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Invalid("The picture is damaged.") from error
    upright.thumbnail(within)
    clean = Image.new("RGBA" if as_ == "PNG" else "RGB", upright.size, "white" if as_ != "PNG" else None)
    clean.paste(upright, mask=None if as_ == "PNG" else upright)
    drawn = io.BytesIO()
    clean.save(drawn, as_, optimize=True)
    return drawn.getvalue()
