"""Chapters ranked by their health, how it is scored, and what raises a notice."""

from typing import Any

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import IntegerField
from wtforms.validators import Optional

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.billing.settings import DuesSettings
from webapp.web import chapter_health as shared
from webapp.web.edits import EditForm
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once


class PointsField(IntegerField):
    """A whole number or nothing; what was typed stays when it is neither."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.raw_data, self.data = valuelist, None
        typed = valuelist[0].strip() if valuelist else ""
        if typed and not typed.isdecimal():
            raise ValueError("Enter a whole number of points, such as 50.")
        self.data = int(typed) if typed else None


class NoticesForm(EditForm):
    health_below = PointsField("Below", [Optional()], description="Empty: no notice.")
    health_fall = PointsField(
        "Fallen by more than", [Optional()], description="Within 30 days. Empty: no notice."
    )

    @property
    def values(self) -> dict[str, Any]:
        return {"health_below": self.health_below.data, "health_fall": self.health_fall.data}


@national.get("/reports/health/")
def chapter_health() -> Response:
    return shared.ranking()


@national.get("/reports/health/method/")
def health_method() -> str:
    return shared.published_method("national")


@national.get("/reports/health/notices/")
def health_notices() -> str:
    return _page(NoticesForm(formdata=None, obj=DuesSettings.of(current_organization)).shown())


@national.post("/reports/health/notices/")
@acts_once
def update_health_notices() -> Response | tuple[str, int]:
    form = NoticesForm()
    if not form.validate():
        return _page(form), 422
    try:
        with transaction():
            settings = DuesSettings.of(current_organization)
            form.refuse_unseen_changes(NoticesForm(formdata=None, obj=settings), settings)
            settings.change(by=current_user, **form.values)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form), refusal.status
    return see_other("national.health_notices", notice="It is saved, and counts from the next night on.")


def _page(form: NoticesForm) -> str:
    return render_template("national/chapter_health/notices.html", form=form)
