"""What was owed on days that are written down: one, all of them, and two compared."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from sqlalchemy import desc
from werkzeug.wrappers import Response
from wtforms import DateField
from wtforms.validators import InputRequired

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.reporting import snapshot_reading, snapshots
from webapp.domain.reporting.aging import BUCKETS, NAMES
from webapp.domain.reporting.snapshots import Place, Snapshot, SnapshotLine
from webapp.web.forms import Form
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv
from webapp.web.snapshot_files import CHANGE_HEADER, LINE_HEADER, as_change, as_line


class SnapshotForm(Form):
    as_of = DateField("As of", [InputRequired("Enter a day.")], description="Today, or a day before.")


def index(persona: str, place: Place, form: SnapshotForm | None = None) -> Response:
    after = request.args.get("after", type=UUID)
    found = snapshot_reading.listed(place).order_by(Snapshot.id.desc()).limit(PAGE + 1)
    rows, last = page_of(db.session.execute(found.where(Snapshot.id < after) if after else found).all())
    return respond(
        "shared/snapshots/index.html",
        "shared/snapshots/_list.html",
        status=422 if form else 200,
        persona=persona,
        rows=rows,
        after=last.id if last else None,
        form=form or SnapshotForm(formdata=None, as_of=current_organization.today),
    )


def take(persona: str) -> Response:
    form = SnapshotForm()
    if not form.validate():
        return index(persona, Place(), form)
    try:
        with transaction():
            taken = snapshots.take(current_organization, form.as_of.data, by=current_user)
    except Invalid as refusal:
        form.refuse(refusal)
        return index(persona, Place(), form)
    return see_other(f"{persona}.snapshot", snapshot_id=taken.id, notice="The snapshot is written down.")


def show(persona: str, snapshot_id: UUID, place: Place) -> Response | str:
    """Its chapters, its pledge classes and who owes most; all its lines as a file."""
    snapshot = loaded(snapshot_id, place)
    members = snapshot_reading.by_member(snapshot_id, place).order_by(
        SnapshotLine.owed.desc(), SnapshotLine.id
    )
    if wants_csv():
        name = f"snapshot-{snapshot.as_of}.csv"
        return stream_rows(name, LINE_HEADER, members, as_line(snapshot.as_of))
    return render_template(
        "shared/snapshots/show.html",
        persona=persona,
        snapshot=snapshot,
        by_age=[(label, getattr(snapshot, name)) for label, name in zip(BUCKETS, NAMES, strict=True)],
        ages=NAMES,
        chapters=db.session.execute(snapshot_reading.by_chapter(snapshot_id, place).order_by("name")).all(),
        pledge_classes=db.session.execute(
            snapshot_reading.by_pledge_class(snapshot_id, place).order_by("chapter", "name")
        ).all(),
        members=db.session.execute(members.limit(PAGE)).all(),
        others=_others(snapshot_id, place),
    )


def compare(persona: str, snapshot_id: UUID, other_id: UUID | None, place: Place) -> Response | str:
    """From the earlier day of the two to the later one."""
    if other_id is None:
        raise NotFound
    before, after = both(snapshot_id, other_id, place)
    changed = snapshot_reading.members_compared(before.id, after.id, place).order_by(desc("change"), "id")
    if wants_csv():
        name = f"snapshots-{before.as_of}-{after.as_of}.csv"
        return stream_rows(name, CHANGE_HEADER, changed, as_change)
    chapters = snapshot_reading.chapters_compared(before.id, after.id, place).order_by("name")
    return render_template(
        "shared/snapshots/compare.html",
        persona=persona,
        before=before,
        after=after,
        chapters=db.session.execute(chapters).all(),
        members=db.session.execute(changed.limit(PAGE + 1)).all(),
    )


def both(one_id: UUID, other_id: UUID, place: Place) -> list[Any]:
    """The earlier one first."""
    return sorted((loaded(one, place) for one in (one_id, other_id)), key=lambda one: (one.as_of, one.id))


def loaded(snapshot_id: UUID, place: Place) -> Any:
    found = snapshot_reading.one(snapshot_id, place)
    if found is None:
        raise NotFound
    return found


def _others(snapshot_id: UUID, place: Place) -> Sequence[Any]:
    newest = snapshot_reading.listed(place).where(Snapshot.id != snapshot_id).order_by(Snapshot.id.desc())
    return db.session.execute(newest.limit(PAGE)).all()
