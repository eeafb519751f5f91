"""One source for first paint and swap."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from htmx_flask import Htmx, make_response, request
from werkzeug.wrappers import Response

htmx = Htmx()


def is_swap() -> bool:
    """Whether only a part of the page is wanted."""
    return bool(request.htmx) and not request.htmx.boosted


def respond(page: str, partial: str, *, status: int = 200, **context: Any) -> Response:
    """The whole page, or the partial alone when HTMX swaps it in."""
    response: Response = make_response(render_template(partial if is_swap() else page, **context), status)
    response.headers.add("Vary", "HX-Request")
    return response


def see_other(endpoint: str, *, notice: str | None = None, tone: str = "good", **values: Any) -> Response:
    """After a change: go and look at the outcome (303), with a notice on the next page."""
    if notice:
        flash(notice, tone)
    address = url_for(endpoint, **values)
    if is_swap():
        swapped: Response = make_response("", 204, redirect=address)
        return swapped
    return redirect(address, 303)
