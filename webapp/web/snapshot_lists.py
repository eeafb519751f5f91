"""What a figure of a snapshot is the sum of, and whose debt changed between two: as a page or a file."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from flask import request
from sqlalchemy import Select
from werkzeug.wrappers import Response

from webapp.core.db import db
from webapp.core.errors import NotFound
from webapp.domain.organizations import Chapter, PledgeClass
from webapp.domain.reporting import largest_first, snapshot_lists
from webapp.domain.reporting.aging import BUCKETS, NAMES
from webapp.domain.reporting.largest_first import Key
from webapp.domain.reporting.snapshot_lists import Wanted
from webapp.domain.reporting.snapshots import Place
from webapp.web import snapshots
from webapp.web.htmx import respond
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv
from webapp.web.snapshot_files import CHANGE_HEADER, LINE_HEADER, as_change, as_line

FIGURES = {"owed": "Owed", "dues": "Dues owed"} | dict(zip(NAMES, BUCKETS, strict=True))


def lines(persona: str, snapshot_id: UUID, own: Place) -> Response:
    snapshot, wanted = snapshots.loaded(snapshot_id, own), _wanted()
    found = snapshot_lists.lines(snapshot_id, own, wanted)
    if wants_csv():
        name = f"snapshot-{snapshot.as_of}-{wanted.amount}.csv"
        return _file(name, LINE_HEADER, found, wanted.amount, as_line(snapshot.as_of))
    return _page("lines", persona, found, wanted.amount, snapshot=snapshot, wanted=wanted)


def changes(persona: str, snapshot_id: UUID, own: Place) -> Response:
    other_id, wanted = request.args.get("other", type=UUID), _wanted()
    if other_id is None:
        raise NotFound
    before, after = snapshots.both(snapshot_id, other_id, own)
    found = snapshot_lists.changes(before.id, after.id, own, wanted)
    if wants_csv():
        name = f"snapshots-{before.as_of}-{after.as_of}.csv"
        return _file(name, CHANGE_HEADER, found, "change", as_change)
    return _page("changes", persona, found, "change", before=before, after=after, wanted=wanted)


def _page(name: str, persona: str, found: Select[Any], by: str, **context: Any) -> Response:
    following = largest_first.ordered(found, by, after=Key.read(request.args.get("after")))
    rows, last = page_of(db.session.execute(following.limit(PAGE + 1)).all())
    count, whole = largest_first.count_and_sum(found, by)
    return respond(
        f"shared/snapshots/{name}.html",
        f"shared/snapshots/_{name}.html",
        persona=persona,
        rows=rows,
        after_key=Key(int(getattr(last, by)), last.id) if last else None,
        count=count,
        whole=whole,
        figures=FIGURES,
        chapters=_chapters() if persona == "national" else [],
        chips=_chips(),
        **context,
    )


def _file(
    name: str, header: Sequence[str], found: Select[Any], by: str, as_row: Callable[[Any], tuple[Any, ...]]
) -> Response:
    return stream_rows(name, header, largest_first.ordered(found, by), as_row)


def _wanted() -> Wanted:
    """As the address says; what it does not name rightly is everything."""
    named = request.args.get("amount", "owed")
    place = Place(request.args.get("chapter", type=UUID), request.args.get("pledge_class", type=UUID))
    return Wanted(named if named in FIGURES else "owed", place, request.args.get("q", ""))


def _chapters() -> list[tuple[UUID, str]]:
    return [(one.id, one.name) for one in Chapter.here().all(order_by=Chapter.name)]


def _chips() -> list[tuple[str, str, str]]:
    class_id = request.args.get("pledge_class", type=UUID)
    chosen = PledgeClass.here().first(PledgeClass.id == class_id) if class_id else None
    return [(chosen.name, "pledge_class", str(class_id))] if chosen else []
