"""One source for first paint and swap."""

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from htmx_flask import Htmx
from werkzeug.wrappers import Response

htmx = Htmx()


def is_swap() -> bool:
    """Whether only a part of the page is wanted."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and headers.get("HX-Boosted") != "true"


def respond(page: str, partial: str, *, status: int = 200, **context: Any) -> Response:
    """The whole page, or the partial alone when HTMX swaps it in."""
    response = make_response(render_template(partial if is_swap() else page, **context), status)
    response.headers.add("Vary", "HX-Request")
    return response


def see_other(endpoint: str, *, notice: str | None = None, tone: str = "good", **values: Any) -> Response:
    """After a change: go and look at the outcome (303), with a notice on the next page."""
    if notice:
        flash(notice, tone)
    address = url_for(endpoint, **values)
    if is_swap():
        response = make_response("", 204)
        response.headers["HX-Redirect"] = address
        return response
    return redirect(address, 303)
