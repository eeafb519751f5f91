"""One field for everything: an exact invoice number jumps, anything else is looked for in the list."""

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from webapp.domain.billing.search import exactly_numbered
from webapp.web.national import national


@national.get("/search")
def search() -> Response:
    text = request.args.get("q", "").strip()
    invoice_id = exactly_numbered(text)
    if invoice_id is not None:
        return redirect(url_for("national.invoice", invoice_id=invoice_id), 303)
    return redirect(url_for("national.invoices", q=text), 303)
