"""The journal as a file for other programs."""

from flask import request
from werkzeug.wrappers import Response

from webapp.domain.ledger.export import CSV_HEADER, Format, Journal
from webapp.domain.reporting.verification.seals import Seal
from webapp.web import books
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import stream_csv, stream_file
from webapp.web.national import national


@national.get("/exports/", endpoint="exports")
def index() -> Response:
    return respond(
        "national/exports/index.html",
        "national/exports/_form.html",
        today=current_organization.today,
        latest_seal=Seal.latest(),
    )


@national.get("/exports/journal", endpoint="journal_export")
def download() -> Response:
    form = request.args.get("form", Format.HLEDGER, type=Format)
    journal = Journal(current_organization, books.day("since"), books.day("until"))
    name = f"{current_organization.slug}.{form.file_name}"
    if form is Format.CSV:
        return stream_csv(name, CSV_HEADER, journal.csv_rows())
    return stream_file(name, journal.text(form), "text/plain")
