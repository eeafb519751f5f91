"""Disconnecting a payment processor, with what that means said first, and taking it up again."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from werkzeug.wrappers import Response

from webapp.core.db import transaction
from webapp.domain.payments import disconnecting
from webapp.domain.payments.processor import PaymentProcessor
from webapp.web.confirmation import confirmed
from webapp.web.forms import Form
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.national.processors import test_and_show
from webapp.web.request_keys import acts_once


@national.get("/processors/<uuid:processor_id>/disconnection")
def confirm_disconnection(processor_id: UUID) -> str:
    processor = PaymentProcessor.here().get(processor_id)
    return render_template(
        "national/processors/disconnection.html",
        processor=processor,
        under_way=disconnecting.under_way().get(processor_id, disconnecting.NOTHING),
        form=Form(formdata=None),
    )


@national.post("/processors/<uuid:processor_id>/disconnection")
@confirmed
@acts_once
def disconnect_processor(processor_id: UUID) -> Response:
    with transaction():
        processor = PaymentProcessor.here().get(processor_id, lock=True)
        disconnecting.disconnect(processor, by=current_user)
    return see_other(
        "national.processor",
        processor_id=processor_id,
        notice=f"{processor.name} is disconnected. What is under way still settles.",
    )


@national.post("/processors/<uuid:processor_id>/reconnection")
@acts_once
def reconnect_processor(processor_id: UUID) -> Response:
    with transaction():
        processor = PaymentProcessor.here().get(processor_id, lock=True)
        processor.reconnect(by=current_user)
    return test_and_show(processor)
