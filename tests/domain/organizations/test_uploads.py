"""Documents that people send along: what is kept, and what is refused whatever it calls itself."""

import io
import zipfile

import pytest
from PIL import Image

from webapp.core.errors import Invalid
from webapp.domain.organizations import uploads
from webapp.domain.organizations.uploads import MediaType, accepted

PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"


def picture(form: str = "PNG", size: tuple[int, int] = (40, 20)) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", size, "#7a1f2b").save(drawn, form)
    return drawn.getvalue()


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("run.exe", "MZ")
    return packed.getvalue()


def test_a_plain_pdf_is_kept_as_it_came() -> None:
    kept = accepted("letter.pdf", PDF)
    assert (kept.media_type, kept.content, kept.name) == (MediaType.PDF, PDF, "letter.pdf")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_is_drawn_anew(form: str) -> None:
    hidden = picture(form) + b"<script>alert(1)</script>" + archive()
    kept = accepted("slip.exe", hidden)
    assert (kept.media_type, kept.name) == (MediaType.JPEG, "slip.jpg")
    assert b"script" not in kept.content and b"PK" not in kept.content[-200:]
    assert Image.open(io.BytesIO(kept.content)).size == (40, 20)


@pytest.mark.case("A14")
@pytest.mark.parametrize(
    "upload",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html><script>alert(1)</script>",
        b"MZ\x90\x00 a program",
        b"#!/bin/sh\nrm -rf /",
        archive(),
        PDF + archive(),
        PDF[:-7],
        b"GIF89a" + PDF,
        PDF.replace(b"/Catalog", b"/Catalog /OpenAction << /S /JavaScript /JS (app.alert(1)) >>"),
        PDF.replace(b"/Catalog", b"/Catalog /OpenAction << /S /#4a#61vaScript >>"),
        PDF.replace(b"/Catalog", b"/Catalog /Names << /EmbeddedFiles 2 0 R >>"),
        PDF.replace(b"/Catalog", b"/Catalog /A << /S /Launch /F (cmd.exe) >>"),
        b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*",
        b"%PDF-" + bytes(uploads.MOST_BYTES),
        picture(size=(9_000, 6_000)),
    ],
    ids=[
        "empty", "svg", "html", "program", "script", "zip", "zip behind a pdf", "cut off", "gif before a pdf",
        "javascript", "javascript in disguise", "embedded file", "launch", "test virus", "too large",
        "too many pixels",
    ],
)  # fmt: skip
def test_whatever_else_it_is_is_refused_with_a_sentence(upload: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        accepted("letter.pdf", upload)
    assert refusal.value.message.endswith(".")


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\me\\slip.final.pdf", "slip.final.pdf"),
        ('a"b\r\nSet-Cookie: x.pdf', "a_b__Set-Cookie_ x.pdf"),
        ("", "document.pdf"),
        (".pdf", "document.pdf"),
        ("Ñandú & Söhne.PDF", "Ñandú _ Söhne.pdf"),
        ("x" * 300, "x" * 120 + ".pdf"),
    ],
)
def test_its_name_is_no_path_and_no_header(named: str, kept: str) -> None:
    assert accepted(named, PDF).name == kept
