"""What the organization is called and how it speaks, prints and writes."""

from dataclasses import asdict, fields

from babel import Locale, localedata
from flask import Response as FlaskResponse
from flask import render_template, request
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import Email, InputRequired, Length, Optional

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain.organizations import Organization, PaperSize, Vocabulary, logo
from webapp.web import roster
from webapp.web.edits import EditForm
from webapp.web.forms import offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once

WORDS = [field.name for field in fields(Vocabulary)]
_TEXTS = ("name", "timezone", "locale", "address", "how_to_pay")


class SettingsForm(EditForm):
    name = StringField("Name", [InputRequired("Enter a name."), Length(max=120)], filters=[roster.clean])
    locale = SelectField("Language and number format")
    timezone = StringField(
        "Time zone",
        [InputRequired("Enter a time zone.")],
        description="Like America/New_York. Days begin there.",
    )
    paper_size = SelectField("Paper", choices=offered((size.value, size.value) for size in PaperSize))
    address = TextAreaField("Postal address", [Length(max=1000)], description="Printed on invoices.")
    how_to_pay = TextAreaField(
        "How to pay",
        [Length(max=2000)],
        description="Printed on invoices, for payments without a card: bank account, where checks go.",
    )
    sender_name = StringField("Mails come from", [Length(max=120)], filters=[roster.clean])
    reply_to = StringField(
        "Answers to mails go to", [Optional(), Email("This is not an email address."), Length(max=254)]
    )
    chapter = StringField("One chapter", [Length(max=40)], filters=[roster.clean])
    chapters = StringField("Several chapters", [Length(max=40)], filters=[roster.clean])
    member = StringField("One member", [Length(max=40)], filters=[roster.clean])
    members = StringField("Several members", [Length(max=40)], filters=[roster.clean])
    dues = StringField("Dues", [Length(max=40)], filters=[roster.clean])
    pledge_class = StringField("Pledge class", [Length(max=40)], filters=[roster.clean])

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.locale.choices = offered(_locales(current_organization.locale))


@national.get("/settings/organization/")
def organization_settings() -> str:
    return _page(_stored(current_organization).shown())


@national.post("/settings/organization/")
@acts_once
def update_organization_settings() -> Response | tuple[str, int]:
    form = SettingsForm()
    if not form.validate():
        return _page(form), 422
    facts = {name: form[name].data or "" for name in _TEXTS}
    facts |= {name: form[name].data or None for name in ("sender_name", "reply_to")}
    facts |= {"paper_size": PaperSize(form.paper_size.data), "words": {w: form[w].data for w in WORDS}}
    try:
        with transaction() as session:
            organization = session.get_one(Organization, current_organization.id, with_for_update=True)
            form.refuse_unseen_changes(_stored(organization), organization)
            organization.change(facts, by=current_user)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form), refusal.status
    return see_other("national.organization_settings", notice="The settings are saved.")


@national.post("/settings/organization/logo")
def upload_logo() -> Response:
    sent = request.files.get("logo")
    if not sent or not sent.filename:
        raise Invalid("Choose a picture.")
    try:
        picture = logo.reencoded(sent.read(logo.MOST_BYTES + 1))
    except Invalid as refusal:
        return see_other(
            "national.organization_settings", notice=" ".join(refusal.fields.values()), tone="bad"
        )
    with transaction() as session:
        session.get_one(Organization, current_organization.id).show_logo(picture, by=current_user)
    return see_other("national.organization_settings", notice="The logo is saved.")


@national.post("/settings/organization/logo/removal")
def remove_logo() -> Response:
    with transaction() as session:
        session.get_one(Organization, current_organization.id).show_logo(None, by=current_user)
    return see_other("national.organization_settings", notice="The logo is removed.")


@national.get("/settings/organization/logo.png")
def logo_picture() -> Response:
    picture = _logo()
    if picture is None:
        raise NotFound
    response = FlaskResponse(picture, mimetype="image/png")
    response.headers["Content-Disposition"] = 'attachment; filename="logo.png"'
    return response


def _stored(organization: Organization) -> SettingsForm:
    data = {**organization.facts, **asdict(organization.vocabulary)}
    data["paper_size"] = organization.paper_size.value
    return SettingsForm(formdata=None, data=data)


def _logo() -> bytes | None:
    statement = select(Organization.logo).where(Organization.id == current_organization.id)
    return db.session.scalars(statement).one()


def _page(form: SettingsForm) -> str:
    return render_template(
        "national/organization_settings/index.html",
        form=form,
        words_form=[form[w] for w in WORDS],
        logo=_logo(),
    )


def _locales(current: str) -> list[tuple[str, str]]:
    """Those with a country, by their own names in English; numbers and dates differ by country."""
    names = {name for name in localedata.locale_identifiers() if len(name) == 5} | {current}
    labelled = ((name, Locale.parse(name).get_display_name("en") or name) for name in names)
    return sorted(labelled, key=lambda pair: pair[1])
