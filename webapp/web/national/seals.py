"""The seals over the audit trail and the books, to be kept where nobody here can change them."""

from collections.abc import Iterator
from uuid import UUID

from flask import request
from werkzeug.wrappers import Response

from webapp.core.db import db
from webapp.domain.reporting.verification.seals import Seal
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv
from webapp.web.national import national

_HEADER = ("number", "made_at", "sealed_before", "rows", "previous", "fingerprint")


@national.get("/audit-trail/seals/", endpoint="seals")
def index() -> Response:
    found = Seal.in_(current_organization).select().order_by(Seal.id.desc())
    if wants_csv():
        return stream_csv("seals.csv", _HEADER, _all_rows())
    after = request.args.get("after", type=UUID)
    if after is not None:
        found = found.where(Seal.id < after)
    rows, last = page_of(db.session.scalars(found.limit(PAGE + 1)).all())
    return respond(
        "national/seals/index.html", "national/seals/_list.html", rows=rows, after=last.id if last else None
    )


def _all_rows() -> Iterator[tuple[str | int, ...]]:
    found = Seal.in_(current_organization).select().order_by(Seal.number)
    for seal in db.session.scalars(found.execution_options(yield_per=500)):
        yield (
            seal.number,
            seal.made_at.isoformat(),
            seal.until.isoformat() if seal.until else "",
            seal.rows,
            seal.previous,
            seal.fingerprint,
        )
