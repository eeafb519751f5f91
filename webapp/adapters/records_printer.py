"""Draws the records about a disputed payment, for the payer's bank."""

import hashlib
from dataclasses import asdict

from jinja2 import Environment

from webapp.adapters.pdf_printer import PdfPrinter, data_address
from webapp.domain.notifications.evidence import Records


class RecordsPrinter:
    def __init__(self, paper: Environment, printer: PdfPrinter) -> None:
        self._template = paper.get_template("pdf/dispute_records.html")
        self._printer = printer

    def draw(self, records: Records) -> bytes:
        markup = self._template.render(
            records=records,
            language=records.language,
            locale=records.locale,
            currency=records.currency,
            paper=records.paper,
            organization_name=records.organization,
            test_mode=records.specimen,
            logo=data_address("image/png", records.logo) if records.logo else None,
        )
        digest = hashlib.sha256(repr(asdict(records)).encode()).hexdigest()
        return self._printer.draw_page(markup, identifier=digest)
