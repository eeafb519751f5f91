"""How much one request may ask for: so long a question, and so much of the database's time."""

from flask import Flask, request

from webapp.core import tenancy
from webapp.core.errors import Refusal, Unavailable

LONGEST_QUERY = 2_000
"""Characters after the question mark. Our own filters never come near it."""
PATIENCE = "5s"


class QueryTooLong(Refusal):
    status = 414
    code = "query-too-long"
    message = "This address is longer than any of ours."
    next_step = "Search for fewer words."


class UnreadableQuery(Refusal):
    code = "unreadable"
    message = "This address holds characters that no name or number has."
    next_step = "Type the search again."


class TakesTooLong(Unavailable):
    code = "takes-too-long"
    message = "Finding this takes longer than a page may."
    next_step = "Ask for less: choose a status or a period, or search for a whole word. Nothing was changed."


def init(app: Flask) -> None:
    app.before_request(_bound)


def _bound() -> None:
    tenancy.be_patient_for(PATIENCE)
    if len(request.query_string) > LONGEST_QUERY:
        raise QueryTooLong
    if request.query_string and any(
        "\0" in value for values in request.args.listvalues() for value in values
    ):
        raise UnreadableQuery
