"""What describes the API, open to all: a page for people, a document for programs, the kinds of problem."""

import json
from itertools import groupby

from flask import Blueprint, jsonify, render_template
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core.errors import NotFound
from webapp.web.api import document, problems
from webapp.web.api.fields import Shape
from webapp.web.api.operations import OPERATIONS

reference = Blueprint("api_reference", __name__, url_prefix="/api")


@reference.get("/")
def index() -> str:
    by_topic = sorted(OPERATIONS, key=lambda one: one.topic)
    topics = [(topic, list(some)) for topic, some in groupby(by_topic, key=lambda one: one.topic)]
    return render_template(
        "api/index.html",
        topics=topics,
        document=document.openapi(wiring.settings().public_url),
        roles=document.roles,
        statuses=document.statuses,
        example=_example,
        kinds=problems.kinds(),
    )


@reference.get("/openapi.json")
def openapi() -> Response:
    return jsonify(document.openapi(wiring.settings().public_url))


@reference.get("/problems/<code>")
def problem(code: str) -> str:
    kind = problems.kinds().get(code)
    if kind is None:
        raise NotFound
    return render_template("api/problem.html", kind=kind)


def _example(shape: Shape) -> str:
    return json.dumps(document.example_of(shape.schema), indent=2, ensure_ascii=False)
