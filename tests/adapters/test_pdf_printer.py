"""The letter is complete, reads well aloud, and fetches nothing whatever stands in it."""

import io
import re
import socket
import subprocess
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image

from webapp.adapters.pdf_printer import PdfPrinter
from webapp.adapters.stationery import open_stationery
from webapp.domain.notifications.invoice_pdf import InvoiceLetter, LetterLine, Mark

ROOT = Path(__file__).parents[2]
LETTER = InvoiceLetter(
    invoice_id=UUID(int=1),
    number="2026-000123",
    period="Fall 2026",
    language="en",
    locale="en_US",
    paper="letter",
    currency="USD",
    organization="Pi Chi Fraternity",
    organization_address=("1 Main Street", "Springfield, OH 45501"),
    reply_to="office@pichi.example.org",
    logo=None,
    recipient=("Ana Núñez", "42 Elm Street", "Columbus, OH 43210"),
    particulars=(("Member no.", "PX00123"), ("Chapter", "Alpha Chapter")),
    issued_on=date(2026, 7, 1),
    due_on=date(2026, 9, 1),
    lines=(LetterLine("Regular dues", 25_000, "The rate for “Undergraduate”."), LetterLine("Roof", 7_550)),
    billed=32_550,
    adjusted=0,
    paid=0,
    owed=32_550,
    processing=False,
    mark=None,
    how_to_pay=("Checks to PO Box 12, Springfield.",),
    pay_url="https://dues.example.org/o/pi-chi/pay/abcdefgh",
    specimen=False,
)


@pytest.fixture(scope="module")
def printer() -> PdfPrinter:
    return PdfPrinter(open_stationery(ROOT / "templates"), ROOT / "static" / "css")


def text_of(pdf: bytes) -> str:
    return run("pdftotext", "-layout", "-", "-", given=pdf)


def inflated(pdf: bytes) -> bytes:
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    return pdf + b"".join(zlib.decompressobj().decompress(found) for found in streams if found[:1] == b"x")


def run(*command: str, given: bytes) -> str:
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout.decode()


def test_the_letter_says_who_owes_what_to_whom_until_when_and_how_to_pay(printer: PdfPrinter) -> None:
    words = " ".join(text_of(printer.draw(LETTER)).split())
    for expected in (
        "Pi Chi Fraternity",
        "1 Main Street",
        "Ana Núñez",
        "Columbus, OH 43210",
        "Invoice 2026-000123",
        "September 1, 2026",
        "PX00123",
        "Regular dues",
        "$250.00",
        "Amount due by September 1, 2026 $325.50",
        "https://dues.example.org/o/pi-chi/pay/",
        "Checks to PO Box 12",
        "office@pichi.example.org",
    ):
        assert expected in words, expected


@pytest.mark.parametrize(("paper", "size"), [("a4", "A4"), ("letter", "letter")])
def test_it_is_on_the_organizations_paper_tagged_and_in_a_language(
    printer: PdfPrinter, paper: str, size: str, tmp_path: Path
) -> None:
    drawn = tmp_path / "letter.pdf"
    drawn.write_bytes(printer.draw(replace(LETTER, paper=paper)))
    facts = run("pdfinfo", str(drawn), given=b"")
    assert size in facts
    assert "Tagged:          yes" in facts and "Title:           Invoice 2026-000123" in facts
    structure = run("pdfinfo", "-struct", str(drawn), given=b"")
    for element in ("H1", "Table", "TH", "TD", "Figure"):
        assert element in structure
    assert b"/Lang (en)" in inflated(drawn.read_bytes())
    assert "pdfuaid" in run("pdfinfo", "-meta", str(drawn), given=b"")


def test_what_was_paid_and_waived_stands_between_the_lines_and_what_is_due(printer: PdfPrinter) -> None:
    letter = replace(LETTER, adjusted=2_550, paid=10_000, owed=20_000)
    words = " ".join(text_of(printer.draw(letter)).split())
    assert "Total billed $325.50 Waived or credited −$25.50 Paid, with thanks −$100.00" in words
    assert "Amount due by September 1, 2026 $200.00" in words


@pytest.mark.parametrize(
    ("mark", "sentence"),
    [(Mark.PAID, "This invoice is settled."), (Mark.VOID, "This invoice was cancelled.")],
)
def test_a_letter_that_asks_for_nothing_has_its_stamp_and_no_way_to_pay(
    printer: PdfPrinter, mark: Mark, sentence: str
) -> None:
    words = text_of(printer.draw(replace(LETTER, mark=mark, owed=0)))
    assert mark.value.upper() in "".join(words.split()) and sentence in words
    assert "How to pay" not in words and LETTER.pay_url not in words


def test_while_a_debit_is_under_way_the_letter_asks_not_to_pay_again(printer: PdfPrinter) -> None:
    words = text_of(printer.draw(replace(LETTER, processing=True)))
    assert "Please do not pay again" in words and "How to pay" not in words


def test_a_specimen_says_so(printer: PdfPrinter) -> None:
    assert "asks nobody for real money" in text_of(printer.draw(replace(LETTER, specimen=True)))
    assert "real money" not in text_of(printer.draw(LETTER))


@pytest.mark.parametrize(
    ("name", "typeface"),
    [
        ("Zoë Łukasz", "Noto-Sans"),
        ("Ελένη Παππά", "Noto-Sans"),
        ("Иван Петров", "Noto-Sans"),
        ("אבי כהן", "Noto-Sans-Hebrew"),
        ("محمد عبد الله", "Noto-Sans-Arabic"),
        ("राम शर्मा", "Noto-Sans-Devanagari"),
        ("王小明", "Noto-Sans-CJK"),
        ("山田 太郎", "Noto-Sans-CJK"),
    ],
)
def test_names_are_drawn_in_a_typeface_of_their_script(
    printer: PdfPrinter, name: str, typeface: str, tmp_path: Path
) -> None:
    drawn = tmp_path / "letter.pdf"
    drawn.write_bytes(printer.draw(replace(LETTER, recipient=(name,))))
    used = run("pdffonts", str(drawn), given=b"").splitlines()[2:]
    assert any(line.partition("+")[2].startswith(typeface) for line in used), used
    assert all("Noto" in line for line in used), used


def test_the_code_leads_to_the_pay_page_and_the_same_letter_gives_the_same_bytes(printer: PdfPrinter) -> None:
    assert printer.draw(LETTER) == printer.draw(LETTER)
    other = printer.draw(replace(LETTER, pay_url="https://dues.example.org/o/pi-chi/pay/other"))
    assert other != printer.draw(LETTER)


def test_everything_on_the_page_counts_for_whether_it_is_drawn_anew() -> None:
    changes = [{"owed": 1}, {"paid": 1}, {"logo": b"x"}, {"pay_url": "y"}, {"mark": Mark.VOID}, {"lines": ()}]
    hashes = {LETTER.content_hash, *(replace(LETTER, **change).content_hash for change in changes)}
    assert len(hashes) == len(changes) + 1


def test_a_logo_takes_the_place_of_the_seal(printer: PdfPrinter) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (400, 100), "navy").save(picture, "PNG")
    assert b"/Subtype /Image" in printer.draw(replace(LETTER, logo=picture.getvalue()))


def test_the_longest_invoice_is_still_a_letter(printer: PdfPrinter) -> None:
    lines = tuple(LetterLine("Something " + "long " * 55, 100) for _ in range(200))
    words = text_of(printer.draw(replace(LETTER, lines=lines)))
    assert "How to pay" in words and words.count("Amount\n") > 3, "the heading stands on every page"


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """A server inside the house that nobody may be made to ask."""
    asked: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.2)
    stopping = threading.Event()

    def listen() -> None:
        while not stopping.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            asked.append(connection.recv(1000))
            connection.close()

    thread = threading.Thread(target=listen)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
    stopping.set()
    thread.join()
    server.close()


VECTORS = [
    '<img src="{url}/a.png">',
    '<link rel="stylesheet" href="{url}/a.css">',
    '<style>@import url("{url}/b.css"); p {{ background: url({url}/c.png) }}</style><p>x</p>',
    "<style>@font-face {{ font-family: x; src: url({url}/f.woff) }} p {{ font-family: x }}</style><p>x</p>",
    '<link rel="attachment" href="{url}/attached">',
    '<a rel="attachment" href="file://{file}">x</a>',
    '<link rel="attachment" href="file://{file}">',
    '<img src="file://{file}">',
    '<img src="{file}">',
    '<object data="{url}/o.svg"></object><embed src="{url}/e.svg"><iframe src="{url}"></iframe>',
    '<svg><image href="{url}/i.png"/><use href="{url}/u.svg#a"/></svg>',
    "<img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'>"
    "<image href='{url}/n.png'/></svg>\">",
    '<base href="{url}/"><img src="relative.png">',
    '<p style="background: url(//127.0.0.1/p); content: url({url}/q)">x</p>',
    '<img src="ftp://127.0.0.1/x"><img src="HTTP://127.0.0.1/y"><img src="gopher://127.0.0.1/z">',
]


@pytest.mark.case("A13")
@pytest.mark.parametrize("vector", VECTORS)
def test_not_even_markup_makes_the_printer_ask_anybody_or_read_a_file(
    printer: PdfPrinter, listener: tuple[str, list[bytes]], tmp_path: Path, vector: str
) -> None:
    url, asked = listener
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret of the house")
    drawn = printer.draw_page(f"<html>{vector.format(url=url, file=secret)}</html>", identifier="x")
    assert asked == []
    assert b"the secret of the house" not in drawn and "secret of the house" not in text_of(drawn)
    assert b"/EmbeddedFile" not in drawn


@pytest.mark.case("A13")
def test_markup_in_a_letters_words_is_printed_and_not_obeyed(
    printer: PdfPrinter, listener: tuple[str, list[bytes]]
) -> None:
    url, asked = listener
    hostile = f'<img src="{url}/x.png"> {{{{ 7919*7907 }}}} </td><link rel=attachment href=file:///etc/hosts>'
    letter = replace(
        LETTER,
        recipient=(hostile,),
        organization=hostile,
        organization_address=(hostile,),
        how_to_pay=(hostile,),
        lines=(LetterLine(hostile, 100, hostile),),
    )
    before = len(printer.refused)
    words = text_of(printer.draw(letter))
    assert asked == [] and len(printer.refused) == before
    assert "<img src=" in words and str(7919 * 7907) not in words
