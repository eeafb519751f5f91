"""Keys for programs. A token is shown once, when it is made."""

from typing import Any
from uuid import UUID

from flask import render_template
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.organizations import ApiToken, Chapter, RoleName, tokens
from webapp.web.confirmation import confirmed
from webapp.web.forms import Form, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.national.people import STAFF, chapter_choices


class TokenForm(Form):
    name = StringField("What it is for", [InputRequired("Enter what it is for."), Length(max=120)])
    role = SelectField("Role", [InputRequired("Choose a role.")], choices=offered([("", "Choose"), *STAFF]))
    chapter = SelectField("Chapter, for a treasurer", coerce=str)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.chapter.label.text = f"{current_organization.vocabulary.chapter}, for a treasurer"
        self.chapter.choices = offered([("", "None"), *chapter_choices()])


@national.get("/tokens/", endpoint="tokens")
def index() -> str:
    return _page(TokenForm(formdata=None))


@national.post("/tokens/")
@confirmed
def create_token() -> str | tuple[str, int]:
    form = TokenForm()
    if not form.validate():
        return _page(form), 422
    try:
        with transaction():
            made, text = tokens.create(
                form.name.data,
                RoleName(form.role.data),
                chapter=Chapter.here().get(UUID(form.chapter.data)) if form.chapter.data else None,
                by=current_user,
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form), 422
    return render_template("national/tokens/created.html", token=made, text=text)


@national.post("/tokens/<uuid:token_id>/revocation")
@confirmed
def revoke_token(token_id: UUID) -> Response:
    with transaction():
        token = ApiToken.here().get(token_id, lock=True)
        token.revoke(by=current_user)
    return see_other("national.tokens", notice=f"“{token.name}” is revoked and opens nothing any more.")


def _page(form: TokenForm) -> str:
    found = ApiToken.here().select().options(joinedload(ApiToken.created_by)).order_by(ApiToken.id.desc())
    rows = db.session.scalars(found.limit(200)).all()
    return render_template("national/tokens/index.html", form=form, rows=rows)
