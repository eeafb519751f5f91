"""Draws letters with WeasyPrint, from our own templates and with nothing else at hand.

Whatever a letter's text says, no file is read and no address is asked: the fetcher knows `data:` and refuses
every other address, and drawn pictures are made here.
"""

import hashlib
import threading
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import segno
import weasyprint
from jinja2 import Environment
from weasyprint.document import Document
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from webapp.domain.notifications.letter import Letter, Sheet

_SHEETS = ("tokens.css", "pdf.css")
_QUIET_ZONE = 4


class OnlyOurs(URLFetcher):
    """Pictures that stand in the letter itself, and nothing from anywhere else."""

    def __init__(self) -> None:
        super().__init__(timeout=1, allowed_protocols=("data",), allow_redirects=False)
        self.refused: list[str] = []

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        if not url.lower().startswith("data:"):
            self.refused.append(url)
            raise ValueError("Letters hold their own pictures.")
        return super().fetch(url, headers)


class PdfPrinter:
    """One letter at a time in a process: its fonts are shared, and drawing keeps a core busy anyway."""

    def __init__(self, paper: Environment, styles: Path) -> None:
        self._paper = paper
        self._fonts = FontConfiguration()
        self._fetcher = OnlyOurs()
        self._sheets = [
            weasyprint.CSS(
                string=(styles / name).read_text(), font_config=self._fonts, url_fetcher=self._fetcher
            )
            for name in _SHEETS
        ]
        self._drawing = threading.Lock()

    def draw(self, letter: Letter) -> bytes:
        """Tagged for screen readers (PDF/UA-1). The same letter gives the same bytes."""
        return self.draw_page(self._markup(letter), identifier=letter.content_hash)

    def draw_together(self, letters: Sequence[Letter]) -> bytes:
        """For paper, so without tags. Each letter counts its own pages; all share their fonts and logo."""
        pictures: dict[str, Any] = {}
        with self._drawing:
            drawn = [self._laid_out(letter, pictures) for letter in letters]
            bound: bytes = drawn[0].copy([page for one in drawn for page in one.pages]).write_pdf()
            return bound

    def _laid_out(self, letter: Letter, pictures: dict[str, Any]) -> Document:
        page = weasyprint.HTML(string=self._markup(letter), url_fetcher=self._fetcher)
        return page.render(font_config=self._fonts, stylesheets=self._sheets, cache=pictures)

    def _markup(self, letter: Letter) -> str:
        code = letter.address_in_code
        qr = data_address("image/svg+xml", qr_picture(code)) if code else None
        return self._filled_in(letter.template, letter, {"letter": letter, "qr": qr})

    def draw_sheet(self, name: str, sheet: Sheet, facts: Mapping[str, Any]) -> bytes:
        markup = self._filled_in(f"pdf/{name}.html", sheet, facts)
        return self.draw_page(markup, identifier=hashlib.sha256(markup.encode()).hexdigest())

    def _filled_in(self, template: str, sheet: Sheet, facts: Mapping[str, Any]) -> str:
        return self._paper.get_template(template).render(
            facts,
            language=sheet.language,
            locale=sheet.locale,
            currency=sheet.currency,
            paper=sheet.paper,
            organization_name=sheet.organization,
            organization_address=sheet.organization_address,
            test_mode=sheet.specimen,
            logo=data_address("image/png", sheet.logo) if sheet.logo else None,
        )

    def draw_page(self, markup: str, *, identifier: str) -> bytes:
        with self._drawing:
            page = weasyprint.HTML(string=markup, url_fetcher=self._fetcher)
            drawn: bytes = page.write_pdf(
                font_config=self._fonts,
                stylesheets=self._sheets,
                pdf_variant="pdf/ua-1",
                pdf_identifier=identifier.encode()[:32],
            )
            return drawn

    @property
    def refused(self) -> Sequence[str]:
        """The addresses a letter asked for in vain."""
        return self._fetcher.refused


def qr_picture(address: str) -> bytes:
    """The address as an SVG picture. The mask is fixed: choosing the best of eight takes most of the time."""
    matrix = segno.make_qr(address, error="m", boost_error=False, mask=4).matrix
    side = len(matrix) + 2 * _QUIET_ZONE
    path = "".join(_runs(row, y + _QUIET_ZONE) for y, row in enumerate(matrix))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<path d="M0 0h{side}v{side}h-{side}z" fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    ).encode()


def _runs(row: bytearray, y: int) -> str:
    drawn, start = [], None
    for x, dark in enumerate([*row, 0]):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            drawn.append(f"M{start + _QUIET_ZONE} {y}h{x - start}v1h-{x - start}z")
            start = None
    return "".join(drawn)


def data_address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"
