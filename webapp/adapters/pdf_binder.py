"""Binds drawings into one file for the printer."""

import io
from collections.abc import Iterable

from pypdf import PdfWriter


def bind(drawings: Iterable[bytes]) -> bytes:
    writer, bound = PdfWriter(), io.BytesIO()
    for drawing in drawings:
        writer.append(io.BytesIO(drawing), import_outline=False)
    writer.write(bound)
    return bound.getvalue()
