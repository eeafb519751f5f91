"""What is charged each period, and to whom."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import render_template
from flask_login import current_user
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import DecimalField, IntegerField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid
from webapp.domain.billing import schedules as billing_schedules
from webapp.domain.billing.periods import BillingPeriod
from webapp.domain.billing.schedules import AssessmentSchedule, Basis, ScheduleKind, Terms
from webapp.domain.billing.settings import LateFeeKind
from webapp.domain.organizations import Chapter, MemberStatus
from webapp.web.forms import Form, MoneyField, offered
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once


class ScheduleForm(Form):
    name = StringField("Name", [InputRequired("Enter a name."), Length(max=80)])
    kind = RadioField(
        "Kind",
        choices=offered((kind.value, kind.label) for kind in ScheduleKind),
        default=ScheduleKind.SPECIAL_ASSESSMENT.value,
    )
    basis = RadioField(
        "How much", choices=offered((one.value, one.label) for one in Basis), default=Basis.FLAT.value
    )
    amount = MoneyField(
        "Amount", [Optional()], description="For each one, or the total to divide by share. Empty: by rate."
    )
    chapter = SelectField("Where", validators=[Optional()])
    status = SelectField("Status", validators=[Optional()])
    period = SelectField("Period", validators=[Optional()])
    chapter_percent = DecimalField(
        "Part that belongs to the chapter",
        [Optional(), NumberRange(0, 100, "Enter a percentage from 0 to 100.")],
        default=Decimal(0),
        places=None,
    )
    late_fee_kind = SelectField(
        "Late fee",
        choices=offered(
            [
                ("", "As the dues settings say"),
                *((one.value, one.value.capitalize()) for one in LateFeeKind),
            ]
        ),
        validators=[Optional()],
    )
    late_fee_amount = MoneyField("Flat late fee", [Optional()])
    late_fee_percent = DecimalField("Late fee in percent", [Optional()], places=None)
    late_fee_maximum = MoneyField("At most", [Optional()])
    late_fee_after_days = IntegerField("Late fee after", [Optional()], description="Days after the due date.")

    def offer(self) -> "ScheduleForm":
        chapters, statuses = Chapter.here().all(order_by=Chapter.code), MemberStatus.here().all()
        periods = BillingPeriod.here().all(order_by=BillingPeriod.starts_on.desc())
        self.chapter.choices = offered([("", "Everywhere"), *((str(one.id), one.name) for one in chapters)])
        self.status.choices = offered([("", "Every status"), *((str(one.id), one.label) for one in statuses)])
        self.period.choices = offered([("", "Every period"), *((str(one.id), one.name) for one in periods)])
        return self

    def terms(self) -> Terms:
        return Terms(
            name=self.name.data,
            kind=ScheduleKind(self.kind.data),
            basis=Basis(self.basis.data),
            amount=self.amount.data,
            chapter_id=_id(self.chapter),
            status_id=_id(self.status),
            period_id=_id(self.period),
            chapter_percent=self.chapter_percent.data or Decimal(0),
            late_fee_kind=LateFeeKind(self.late_fee_kind.data) if self.late_fee_kind.data else None,
            late_fee_amount=self.late_fee_amount.data,
            late_fee_percent=self.late_fee_percent.data,
            late_fee_maximum=self.late_fee_maximum.data,
            late_fee_after_days=self.late_fee_after_days.data,
        )


def _id(field: Any) -> UUID | None:
    return UUID(field.data) if field.data else None


@national.get("/schedules/")
def schedules() -> str:
    return _page(ScheduleForm(formdata=None).offer())


@national.post("/schedules/")
@acts_once
def create_schedule() -> Response | tuple[str, int]:
    form = ScheduleForm().offer()
    if not form.validate():
        return _page(form), 422
    try:
        with transaction():
            schedule = billing_schedules.add(form.terms(), by=current_user)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form), 422
    return see_other("national.schedules", notice=f"“{schedule.name}” can be billed now.")


@national.post("/schedules/<uuid:schedule_id>/retirement")
def retire_schedule(schedule_id: UUID) -> Response:
    with transaction():
        schedule = AssessmentSchedule.here().get(schedule_id, lock=True)
        schedule.retire(by=current_user)
    return see_other("national.schedules", notice=f"“{schedule.name}” is retired.")


@national.post("/schedules/<uuid:schedule_id>/return")
def bring_back_schedule(schedule_id: UUID) -> Response:
    with transaction():
        schedule = AssessmentSchedule.here().get(schedule_id, lock=True)
        schedule.bring_back(by=current_user)
    return see_other("national.schedules", notice=f"“{schedule.name}” can be billed again.")


def _page(form: ScheduleForm) -> str:
    kinds = AssessmentSchedule.chapter, AssessmentSchedule.status, AssessmentSchedule.period
    found = AssessmentSchedule.here().select().options(*(joinedload(kind) for kind in kinds))
    ordered = found.order_by(AssessmentSchedule.active.desc(), AssessmentSchedule.id)
    return render_template(
        "national/schedules/index.html", form=form, schedules=db.session.scalars(ordered).all()
    )
