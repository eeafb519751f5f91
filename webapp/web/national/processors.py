"""The organization's payment processors, from connecting to disconnecting. Secrets are never shown."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Optional

from webapp import wiring
from webapp.core.db import transaction
from webapp.core.errors import Invalid
from webapp.domain.payments.processor import PaymentProcessor, ProcessorKind
from webapp.web import connecting
from webapp.web.confirmation import confirmed
from webapp.web.forms import Form
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


class ChangeForm(Form):
    name = StringField("Name", validators=[InputRequired("Give it a name.")])
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
@confirmed
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
    return test_and_show(processor)


@national.get("/processors/<uuid:processor_id>/", endpoint="processor")
def show(processor_id: UUID) -> str:
    processor = PaymentProcessor.here().get(processor_id)
    return _page(processor, ChangeForm(formdata=None, name=processor.name))


@national.post("/processors/<uuid:processor_id>/tests")
def create_processor_test(processor_id: UUID) -> Response:
    return test_and_show(PaymentProcessor.here().get(processor_id))


@national.post("/processors/<uuid:processor_id>/")
@confirmed
@acts_once
def change_processor(processor_id: UUID) -> Response | tuple[str, int]:
    form = ChangeForm()
    if not form.validate():
        return _page(PaymentProcessor.here().get(processor_id), form), 422
    secret_key, webhook_secret = _typed(form.secret_key), _typed(form.webhook_secret)
    try:
        with transaction():
            processor = PaymentProcessor.here().get(processor_id, lock=True)
            processor.rename(form.name.data, by=current_user)
            if secret_key or webhook_secret:
                keys = wiring.key_ring()
                processor.change_keys(
                    secret_key=secret_key, webhook_secret=webhook_secret, keys=keys, by=current_user
                )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(PaymentProcessor.here().get(processor_id), form), 422
    return test_and_show(processor)


def test_and_show(processor: PaymentProcessor) -> Response:
    """Back on its page, which says how the connection works now."""
    tested, name = connecting.try_out(processor)
    notice = tested.test_error or f"The connection works: the account is “{name}”."
    tone = "bad" if tested.test_error else "good"
    return see_other("national.processor", processor_id=processor.id, notice=notice, tone=tone)


def _typed(field: PasswordField) -> str | None:
    return (field.data or "").strip() or None


def _list(form: ConnectionForm) -> str:
    rows = PaymentProcessor.here().all(order_by=PaymentProcessor.id.desc())
    return render_template("national/processors/index.html", rows=rows, form=form)


def _page(processor: PaymentProcessor, form: ChangeForm) -> str:
    return render_template(
        "national/processors/show.html",
        processor=processor,
        form=form,
        webhook_address=connecting.webhook_address(processor),
    )
