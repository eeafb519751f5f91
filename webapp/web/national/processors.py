"""The organization's payment processors: connect, test, change keys, disconnect. Secrets are never shown."""

from uuid import UUID

from flask import render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Optional

from webapp import wiring
from webapp.core import clock
from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.payments.gateway import GatewayRefused, GatewayUnavailable
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind
from webapp.web.forms import Form
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once


class ConnectionForm(Form):
    name = StringField("Name", default="Stripe", validators=[InputRequired("Give it a name.")])
    secret_key = PasswordField(
        "Secret key",
        description="Starts with sk_ or rk_. In Stripe: Developers, API keys.",
        validators=[InputRequired("Enter the secret key.")],
    )
    webhook_secret = PasswordField(
        "Webhook secret",
        description="Starts with whsec_. Leave it empty for now if Stripe does not know our address yet.",
        validators=[Optional()],
    )


class KeysForm(Form):
    secret_key = PasswordField(
        "New secret key", description="Leave empty to keep the one we have.", validators=[Optional()]
    )
    webhook_secret = PasswordField(
        "New webhook secret", description="Leave empty to keep the one we have.", validators=[Optional()]
    )


@national.get("/processors/", endpoint="processors")
def index() -> str:
    return _list(ConnectionForm())


@national.post("/processors/")
@acts_once
def create_processor() -> Response | tuple[str, int]:
    form = ConnectionForm()
    if not form.validate_on_submit():
        return _list(form), 422
    try:
        with transaction():
            processor = PaymentProcessor.connect(
                kind=ProcessorKind.STRIPE,
                name=form.name.data.strip(),
                secret_key=_typed(form.secret_key) or "",
                webhook_secret=_typed(form.webhook_secret),
                keys=wiring.key_ring(),
                by=current_user,
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _list(form), 422
    return _test(processor)


@national.get("/processors/<uuid:processor_id>/", endpoint="processor")
def show(processor_id: UUID) -> str:
    return _page(processor_id, KeysForm())


@national.post("/processors/<uuid:processor_id>/tests")
def create_processor_test(processor_id: UUID) -> Response:
    return _test(PaymentProcessor.in_(current_organization).get(processor_id))


@national.post("/processors/<uuid:processor_id>/keys")
@acts_once
def change_processor_keys(processor_id: UUID) -> Response | tuple[str, int]:
    form = KeysForm()
    if not form.validate_on_submit():
        return _page(processor_id, form), 422
    try:
        with transaction():
            processor = PaymentProcessor.in_(current_organization).get(processor_id, lock=True)
            processor.change_keys(
                secret_key=_typed(form.secret_key),
                webhook_secret=_typed(form.webhook_secret),
                keys=wiring.key_ring(),
                by=current_user,
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(processor_id, form), 422
    return _test(processor)


@national.post("/processors/<uuid:processor_id>/disconnection")
@acts_once
def disconnect_processor(processor_id: UUID) -> Response:
    with transaction():
        PaymentProcessor.in_(current_organization).get(processor_id, lock=True).disconnect(by=current_user)
    return see_other("national.processors", notice="Disconnected. What is under way still settles.")


def _test(processor: PaymentProcessor) -> Response:
    """Ask the processor who we are there, and keep the answer."""
    name, error = "", None
    try:
        name = wiring.gateway_for(processor).test_connection()
    except (GatewayRefused, GatewayUnavailable) as refusal:
        error = refusal.message
    with transaction():
        tested = PaymentProcessor.in_(current_organization).get(processor.id, lock=True)
        tested.tested(at=clock.now(), error=error)
    notice = error or f"The connection works: the account is “{name}”."
    return see_other(
        "national.processor", processor_id=processor.id, notice=notice, tone="bad" if error else "good"
    )


def _typed(field: PasswordField) -> str | None:
    return (field.data or "").strip() or None


def _list(form: ConnectionForm) -> str:
    rows = PaymentProcessor.in_(current_organization).all(order_by=PaymentProcessor.id.desc())
    return render_template("national/processors/index.html", rows=rows, form=form)


def _page(processor_id: UUID, form: KeysForm) -> str:
    processor = PaymentProcessor.in_(current_organization).get(processor_id)
    return render_template(
        "national/processors/show.html",
        processor=processor,
        form=form,
        webhook_address=wiring.settings().public_url
        + url_for("webhooks.receive", organization_id=current_organization.id, processor_id=processor.id),
    )
