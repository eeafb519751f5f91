"""The views of a list that somebody has saved: to open, to add to, to choose the usual one from."""

from urllib.parse import urlsplit
from uuid import UUID

from flask import request
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import DataRequired, Length

from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.organizations import saved_views as views
from webapp.domain.organizations.saved_views import SavedView
from webapp.web.forms import Form
from webapp.web.htmx import is_swap, respond, see_other
from webapp.web.own import own
from webapp.web.request_keys import acts_once
from webapp.web.views_of_lists import asked_of, named


class ViewForm(Form):
    address, asked = HiddenField(), HiddenField()
    name = StringField("Name", [DataRequired("Give it a name."), Length(max=60)])
    is_usual = BooleanField("Show me this whenever I open the list")


@own.get("/views")
def saved_views() -> Response:
    """Swapped in, it is the menu beside the list's filters, which are those of the browser's address."""
    address, asked = request.args.get("address", ""), request.args.get("asked", "")
    if is_swap():
        asked = urlsplit(request.headers.get("HX-Current-URL", "")).query
    return _page(ViewForm(formdata=None, address=address, asked=asked_of(asked)))


@own.post("/views")
@acts_once
def create_saved_view() -> Response:
    form = ViewForm()
    address = form.address.data or ""
    named(address)
    if not form.validate():
        return _page(form, status=422)
    try:
        with transaction():
            view = views.save(current_user, address, form.name.data.strip(), asked_of(form.asked.data or ""))
            if form.is_usual.data:
                view.make_usual(True)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form, status=422)
    return _back(address, f"“{view.name}” is saved.")


@own.post("/views/<uuid:view_id>/usual")
@acts_once
def change_usual_view(view_id: UUID) -> Response:
    with transaction():
        view = SavedView.own(view_id, current_user)
        view.make_usual(not view.is_usual)
    told = "is what you see first now" if view.is_usual else "is not what you see first any more"
    return _back(view.address, f"“{view.name}” {told}.")


@own.post("/views/<uuid:view_id>/removal")
@acts_once
def remove_saved_view(view_id: UUID) -> Response:
    with transaction():
        view = SavedView.own(view_id, current_user)
        view.remove()
    return _back(view.address, f"“{view.name}” is removed.")


def _back(address: str, notice: str) -> Response:
    return see_other("own.saved_views", address=address, notice=notice)


def _page(form: ViewForm, *, status: int = 200) -> Response:
    address = form.address.data or ""
    return respond(
        "own/saved_views.html",
        "own/_views.html",
        status=status,
        form=form,
        address=address,
        list_name=named(address),
        views=SavedView.of(current_user, address),
    )
