"""Refunds whose money did not arrive: they wait here until somebody says that it is handled."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from webapp.core.db import db, transaction
from webapp.core.errors import NotFound
from webapp.domain.refunds.refund import Refund
from webapp.web.htmx import see_other

MOST = 200


def index(persona: str, *, chapter_id: UUID | None = None) -> str:
    waiting = Refund.here().select(Refund.failed_at.is_not(None), Refund.failure_handled_at.is_(None))
    loaded = waiting.options(joinedload(Refund.payment), joinedload(Refund.member))
    if chapter_id is not None:
        loaded = loaded.where(Refund.chapter_id == chapter_id)
    refunds = db.session.scalars(loaded.order_by(Refund.failed_at).limit(MOST)).all()
    return render_template("shared/refunds/failed.html", persona=persona, refunds=refunds)


def settle(persona: str, refund_id: UUID, *, chapter_id: UUID | None = None) -> Response:
    with transaction():
        refund = Refund.here().get(refund_id, lock=True)
        if chapter_id not in (None, refund.chapter_id):
            raise NotFound
        refund.settle_failure(by=current_user)
    return see_other(f"{persona}.failed_refunds", notice="Marked as handled.")
