"""What an invoice's PDF costs beside WeasyPrint as it comes."""

from base64 import b64encode
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import segno
import weasyprint
from jinja2 import Environment, FileSystemLoader, Template, select_autoescape

from benchmarks import world
from benchmarks.measuring import Table, seconds
from webapp import wiring
from webapp.core import tenancy
from webapp.core.db import db
from webapp.domain.notifications import invoice_pdf
from webapp.domain.notifications.invoice_pdf import InvoiceLetter

LETTERS = 12
HERE = Path(__file__).parent
STYLES = HERE.parent / "static" / "css"


def run(table: Table) -> None:
    """By turns, and each letter another one, so that nothing drawn is found again."""
    with world.application():
        made = world.organization(LETTERS)
        with tenancy.acting_for(made.id):
            world.bill(made, "2025-01")
            links = wiring.links()
            letters = [
                invoice_pdf.letter_of(invoice, made, links)
                for invoice in db.session.scalars(invoice_pdf.printable())
            ]
        draw, template = wiring.printer().draw, _template()
        draw(replace(letters[0], number="warm"))
        ours, naive = [], []
        for letter in letters:
            ours.append(seconds(lambda letter=letter: draw(letter)))
            naive.append(seconds(lambda letter=letter: _naively(template, letter)))
    table.ratio("pdf_vs_naive", min(ours) / min(naive), ("ours", min(ours)), ("as it comes", min(naive)))


def _template() -> Template:
    paper = Environment(loader=FileSystemLoader(HERE), autoescape=select_autoescape())
    return paper.get_template("naive_letter.html")


def _naively(template: Template, letter: InvoiceLetter) -> bytes:
    """Everything made anew for each letter: fonts, styles, and a code with the best of eight masks."""
    picture = BytesIO()
    segno.make_qr(letter.pay_url, error="m").save(picture, kind="svg", scale=4)
    styles = "".join((STYLES / name).read_text() for name in ("tokens.css", "pdf.css"))
    page = template.render(
        letter=letter,
        styles=styles,
        qr="data:image/svg+xml;base64," + b64encode(picture.getvalue()).decode(),
    )
    drawn: bytes = weasyprint.HTML(string=page).write_pdf()
    return drawn
