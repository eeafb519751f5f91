"""What each status pays, everywhere or in one chapter, and from when to when."""

from uuid import UUID

from flask import render_template
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import DateField, SelectField
from wtforms.validators import InputRequired, Optional

from webapp.core import money
from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import rates as dues_rates
from webapp.domain.billing.rates import DuesRate
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.organizations import Chapter, MemberStatus
from webapp.web.forms import Form, MoneyField, NotNegative, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.lists import stream_csv, wants_csv
from webapp.web.national import national
from webapp.web.request_keys import acts_once


class RateForm(Form):
    status = SelectField("Status", validators=[InputRequired("Choose a status.")])
    chapter = SelectField("Where", validators=[Optional()])
    amount = MoneyField("Amount per period", validators=[InputRequired("Enter an amount."), NotNegative()])
    starts_on = DateField("First day", [Optional()], description="Leave empty if it always applied.")
    ends_on = DateField("Last day", [Optional()], description="Leave empty until another rate follows.")

    def offer(self) -> "RateForm":
        statuses = MemberStatus.here().all(order_by=MemberStatus.position)
        chapters = Chapter.here().all(order_by=Chapter.code)
        self.status.choices = offered((str(one.id), one.label) for one in statuses)
        self.chapter.choices = offered([("", "Everywhere"), *((str(one.id), one.name) for one in chapters)])
        return self


@national.get("/rates/")
def rates() -> Response | str:
    if wants_csv():
        currency = current_organization.currency
        rows = (
            (
                *(one.status.code, one.chapter.code if one.chapter else "", one.amount),
                *(money.plain(one.amount, currency), currency, one.effective_from, one.effective_to),
            )
            for one in _all_rates()
        )
        header = ("status", "chapter_code", "amount_minor", "amount", "currency", "from", "to")
        return stream_csv("rates.csv", header, rows)
    return _page(RateForm(formdata=None).offer())


@national.post("/rates/")
@acts_once
def create_rate() -> Response | tuple[str, int]:
    form = RateForm().offer()
    if not form.validate():
        return _page(form), 422
    try:
        with transaction():
            rate = dues_rates.set_rate(
                MemberStatus.here().get(UUID(form.status.data)),
                form.amount.data or 0,
                chapter=Chapter.here().get(UUID(form.chapter.data)) if form.chapter.data else None,
                starts_on=form.starts_on.data,
                ends_on=form.ends_on.data,
                by=current_user,
            )
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form), 422
    shown = money.display(rate.amount, current_organization.currency, current_organization.locale)
    return see_other("national.rates", notice=f"The rate is {shown}.")


def _all_rates() -> list[DuesRate]:
    """By status and place, the latest first."""
    found = (
        select(DuesRate)
        .join(
            MemberStatus,
            (MemberStatus.organization_id == DuesRate.organization_id)
            & (MemberStatus.id == DuesRate.status_id),
        )
        .where(DuesRate.organization_id == current_organization.id)
        .options(joinedload(DuesRate.status), joinedload(DuesRate.chapter))
        .order_by(
            MemberStatus.position,
            MemberStatus.code,
            DuesRate.chapter_id.nulls_first(),
            DuesRate.effective_from.desc().nulls_last(),
        )
    )
    return list(db.session.scalars(found))


def _page(form: RateForm) -> str:
    return render_template(
        "national/rates/index.html",
        form=form,
        rates=_all_rates(),
        default_amount=DuesSettings.of(current_organization).default_amount,
        today=current_organization.today,
    )
