"""The chapters of the organization."""

from typing import Any
from uuid import UUID

from flask import render_template, request
from flask_login import current_user
from sqlalchemy import Select, func, or_, select
from werkzeug.wrappers import Response
from wtforms import BooleanField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from webapp.core import tenancy
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.organizations import Chapter, Member
from webapp.web import roster
from webapp.web.edits import EditForm
from webapp.web.htmx import respond, see_other
from webapp.web.lists import PAGE, page_of, stream_csv, wants_csv
from webapp.web.national import national
from webapp.web.request_keys import acts_once


class ChapterForm(EditForm):
    code = StringField(
        "Code",
        [InputRequired("Enter a code."), Length(max=64)],
        filters=[roster.clean],
        description="Short, as in your files: ALP, 46. It never changes.",
    )
    name = StringField("Name", [InputRequired("Enter a name."), Length(max=120)], filters=[roster.clean])
    address = TextAreaField("Postal address", [Length(max=1000)])
    active = BooleanField("Open", default=True)


@national.get("/chapters/")
def chapters() -> Response:
    q, after = request.args.get("q", "").strip()[:200], request.args.get("after", "")
    if wants_csv():
        found = db.session.execute(_listed(q))
        rows = ((row.code, row.name, row.members, "yes" if row.active else "no") for row in found)
        return stream_csv("chapters.csv", ("chapter_code", "chapter_name", "members", "open"), rows)
    statement = _listed(q).where(Chapter.code > after) if after else _listed(q)
    shown, last = page_of(db.session.execute(statement.limit(PAGE + 1)).all())
    return respond(
        "national/chapters/index.html",
        "national/chapters/_list.html",
        rows=shown,
        after=last.code if last else None,
        chips=[(f"“{q}”", "q", q)] if q else [],
    )


@national.get("/chapters/new")
def new_chapter() -> str:
    return _page(ChapterForm(formdata=None), None)


@national.post("/chapters/")
@acts_once
def create_chapter() -> Response | tuple[str, int]:
    form = ChapterForm()
    if not form.validate():
        return _page(form, None), 422
    try:
        with transaction():
            chapter = Chapter.found(
                form.code.data, form.name.data, address=form.address.data or "", by=current_user
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form, None), 422
    return see_other("national.chapters", notice=f"{chapter.name} is there.")


@national.get("/chapters/<uuid:chapter_id>/")
def chapter(chapter_id: UUID) -> str:
    found = Chapter.here().get(chapter_id)
    return _page(ChapterForm(formdata=None, obj=found).shown(), found)


@national.post("/chapters/<uuid:chapter_id>/")
@acts_once
def update_chapter(chapter_id: UUID) -> Response | tuple[str, int]:
    form = ChapterForm()
    if not form.validate():
        return _page(form, Chapter.here().get(chapter_id)), 422
    try:
        with transaction():
            found = Chapter.here().get(chapter_id, lock=True)
            form.refuse_unseen_changes(ChapterForm(formdata=None, obj=found), found)
            found.change(
                name=form.name.data, address=form.address.data or "", active=form.active.data, by=current_user
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form, Chapter.here().get(chapter_id)), refusal.status
    return see_other("national.chapters", notice=f"{found.name} is saved.")


def _listed(q: str) -> Select[Any]:
    counted = (
        select(func.count())
        .where(Member.organization_id == Chapter.organization_id, Member.chapter_id == Chapter.id)
        .scalar_subquery()
    )
    found = select(Chapter.id, Chapter.code, Chapter.name, Chapter.active, counted.label("members")).where(
        Chapter.organization_id == tenancy.organization_id()
    )
    if q:
        texts = (Chapter.code, Chapter.name)
        found = found.where(or_(*(text.icontains(q, autoescape=True) for text in texts)))
    return found.order_by(Chapter.code)


def _page(form: ChapterForm, found: Chapter | None) -> str:
    return render_template("national/chapters/show.html", form=form, chapter=found)
