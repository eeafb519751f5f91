"""Importing members step by step: upload, match the columns, check, import, result."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import FileField

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.organizations import (
    Chapter,
    ImportState,
    Login,
    MemberStatus,
    RosterImport,
    RosterImportRow,
    RowOutcome,
    roster_columns,
    roster_import,
)
from webapp.domain.organizations.roster_columns import DATES, MAY_BE_FIXED, ColumnPlan, Field
from webapp.domain.organizations.roster_file import RosterFile
from webapp.web.forms import Form
from webapp.web.gates import current_organization
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, stream_csv

TEMPLATE = (
    "member_number", "first_name", "last_name", "email", "chapter_code", "chapter_name", "status",
    "pledge_class", "joined_on", "left_on", "phone",
)  # fmt: skip
_EXAMPLE = (
    "PX00001", "Ana", "Núñez", "ana@example.org", "ALP", "Alpha Chapter", "undergraduate",
    "Fall 2026", "2026-09-01", "", "",
)  # fmt: skip
_PREVIEW = 5


class UploadForm(Form):
    file = FileField("CSV file", description="From a spreadsheet or another system, up to 10 MB.")


def index(persona: str, chapter: Chapter | None = None, form: UploadForm | None = None) -> str:
    conditions = [RosterImport.chapter_id == chapter.id] if chapter else []
    earlier = RosterImport.here().all(*conditions, order_by=RosterImport.id.desc())
    return render_template(
        "roster_imports/index.html",
        persona=persona,
        form=form or UploadForm(formdata=None),
        imports=earlier[:PAGE],
        people=_people(earlier[:PAGE]),
    )


def _people(imports: Sequence[RosterImport]) -> dict[UUID, str]:
    ids = {one.created_by_id for one in imports} | {one.undone_by_id for one in imports}
    return {login.id: login.name for login in db.session.scalars(select(Login).where(Login.id.in_(ids)))}


def template() -> Response:
    return stream_csv("roster-template.csv", TEMPLATE, [_EXAMPLE])


def upload(persona: str, chapter: Chapter | None = None) -> Response | tuple[str, int]:
    form = UploadForm()
    sent = request.files.get("file")
    try:
        if not sent or not sent.filename:
            raise Invalid(fields={"file": "Choose a file."})
        with transaction():
            import_ = roster_import.upload(sent.filename, sent.read(), by=current_user, chapter=chapter)
    except Invalid as refusal:
        sentence = refusal.fields.get("file") or f"{refusal.message} {refusal.next_step}".strip()
        form.refuse(Invalid(fields={"file": sentence}))
        return index(persona, chapter, form), 422
    return see_other(f"{persona}.roster_import", import_id=import_.id)


def show(persona: str, import_: RosterImport) -> Response | str:
    """The step it has come to; `?step=columns` goes back to the matching while nothing was imported."""
    untouched = import_.state in (ImportState.UPLOADED, ImportState.CHECKED)
    if import_.state is ImportState.UPLOADED or (untouched and request.args.get("step") == "columns"):
        return _columns_page(persona, import_, import_.plan)
    if not import_.is_at_work and request.headers.get("HX-Target") == "import":
        return see_other(f"{persona}.roster_import", import_id=import_.id)
    outcome = request.args.get("outcome", "")
    after = request.args.get("after", type=int) or 0
    conditions = [RosterImportRow.import_id == import_.id, RosterImportRow.line > after]
    if outcome in set(RowOutcome):
        conditions.append(RosterImportRow.outcome == RowOutcome(outcome))
    statement = RosterImportRow.here().select(*conditions).order_by(RosterImportRow.line).limit(PAGE + 1)
    rows = db.session.scalars(statement).all()
    return respond(
        "roster_imports/show.html",
        "roster_imports/_progress.html" if import_.is_at_work else "roster_imports/_rows.html",
        persona=persona,
        import_=import_,
        people=_people([import_]),
        rows=rows[:PAGE],
        after=rows[PAGE - 1].line if len(rows) > PAGE else None,
        outcomes=[
            (kind.value, f"{kind.value.capitalize()} ({import_.counts.get(kind, 0):,})")
            for kind in RowOutcome
        ],
    )


def match(persona: str, import_id: UUID, chapter: Chapter | None = None) -> Response | tuple[str, int]:
    """Take the columns as chosen, remember them, and check the whole file."""
    import_ = roster_import.find(import_id, chapter=chapter)
    plan = _chosen(request.form, import_.file(), may_define=chapter is None)
    try:
        with transaction():
            import_ = roster_import.find(import_id, chapter=chapter, lock=True)
            roster_import.use(import_, plan)
            roster_import.check(import_, current_organization)
    except Invalid as refusal:
        return _columns_page(persona, roster_import.find(import_id), plan, refusal.message), 422
    return see_other(f"{persona}.roster_import", import_id=import_id)


def start(persona: str, import_id: UUID, chapter: Chapter | None = None) -> Response:
    with transaction():
        roster_import.start(roster_import.find(import_id, chapter=chapter, lock=True), by=current_user)
    return see_other(f"{persona}.roster_import", import_id=import_id)


def refused(import_: RosterImport) -> Response:
    header, *rows = roster_import.refused_rows(import_)
    return stream_csv("refused-rows.csv", header, rows)


def _columns_page(persona: str, import_: RosterImport, plan: ColumnPlan, problem: str = "") -> str:
    file = import_.file()
    return render_template(
        "roster_imports/columns.html",
        persona=persona,
        import_=import_,
        file=file,
        plan=plan,
        problem=problem,
        fields=list(Field),
        preview=list(islice((line for line in file.lines() if not line.problem), _PREVIEW)),
        statuses=MemberStatus.here().all(order_by=MemberStatus.position),
        chapters=Chapter.here().all(Chapter.active.is_(True), order_by=Chapter.name),
        unknown=roster_import.unknown_statuses(file, plan),
        looks_billable=roster_columns.looks_billable,
        dates=DATES,
    )


def _chosen(form: Mapping[str, str], file: RosterFile, *, may_define: bool) -> ColumnPlan:
    columns = {heading: _field(form.get(f"column-{i}")) for i, heading in enumerate(file.headings)}
    fixed = {name: text for name in MAY_BE_FIXED if (text := form.get(f"fixed-{name}", "").strip()[:64])}
    orders = {name: form[f"order-{name}"] for name in DATES if form.get(f"order-{name}") in ("mdy", "dmy")}
    plan = ColumnPlan(
        columns=columns, fixed=fixed, date_orders=orders, overwrite=form.get("overwrite") == "yes"
    )
    return replace(plan, new_statuses=_defined(form)) if may_define else plan


def _defined(form: Mapping[str, str]) -> dict[str, bool]:
    """Statuses of the file that shall be created: `billed`, `unbilled`, or none of both."""
    found: dict[str, Any] = {}
    for position in range(500):
        text = form.get(f"status-{position}", "").strip()[:64]
        if not text:
            break
        if (choice := form.get(f"define-{position}")) in ("billed", "unbilled"):
            found[text] = choice == "billed"
    return found


def _field(name: str | None) -> Field:
    return Field(name) if name in set(Field) else Field.MORE
