"""Fiscal years: with which month they begin, what is to be looked at before one is closed, and closing it."""

from calendar import month_name
from typing import Any

from flask import render_template
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import SelectField, TextAreaField
from wtforms.validators import Length

from webapp.core.db import db, transaction
from webapp.core.errors import Invalid, NotFound
from webapp.domain import ledger
from webapp.domain.ledger import FiscalYear, JournalEntry, YearClosing
from webapp.domain.organizations import Organization
from webapp.domain.reporting import year_end
from webapp.web.forms import Form, ReasonForm, offered
from webapp.web.gates import current_organization
from webapp.web.htmx import see_other
from webapp.web.national import national
from webapp.web.request_keys import acts_once

_YEARS = range(1900, 2199)


class MonthForm(Form):
    month = SelectField(
        "Fiscal years begin in", coerce=int, choices=offered((one, month_name[one]) for one in range(1, 13))
    )


class YearForm(Form):
    reason = TextAreaField("Why it is closed all the same", [Length(max=500)])


@national.get("/fiscal-years/")
def fiscal_years() -> str:
    return _index(MonthForm(formdata=None, month=current_organization.fiscal_year_month))


@national.post("/fiscal-years/")
@acts_once
def change_fiscal_years() -> Response | tuple[str, int]:
    form = MonthForm()
    if not form.validate():
        return _index(form), 422
    with transaction() as session:
        organization = session.get_one(Organization, current_organization.id, with_for_update=True)
        ledger.begin_years_with(organization, form.month.data, by=current_user)
    return see_other("national.fiscal_years", notice="Saved.")


@national.get("/fiscal-years/<int:year>/")
def fiscal_year(year: int) -> str:
    return _page(_of(year), YearForm(formdata=None))


@national.post("/fiscal-years/<int:year>/closing")
@acts_once
def close_fiscal_year(year: int) -> Response | tuple[str, int]:
    form, found = YearForm(), _of(year)
    if not form.validate():
        return _page(found, form), 422
    try:
        with transaction():
            reason = form.reason.data or ""
            year_end.close(current_organization, found, by=current_user, reason=reason)
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(found, form), 422
    return see_other("national.fiscal_year", year=year, notice=f"The fiscal year {found.name} is closed.")


@national.get("/fiscal-years/<int:year>/reopening")
def confirm_fiscal_year_reopening(year: int) -> str:
    return _reopening(_closing(_of(year)), ReasonForm(formdata=None))


@national.post("/fiscal-years/<int:year>/reopening")
@acts_once
def reopen_fiscal_year(year: int) -> Response | tuple[str, int]:
    form, found = ReasonForm(), _closing(_of(year))
    if not form.validate():
        return _reopening(found, form), 422
    with transaction():
        ledger.reopen_year(YearClosing.here().get(found.id), by=current_user, reason=form.reason.data)
    return see_other("national.fiscal_year", year=year, notice=f"The fiscal year {found.year.name} is open.")


def _of(year: int) -> FiscalYear:
    """The year that begins in that calendar year."""
    if year not in _YEARS:
        raise NotFound
    return FiscalYear.beginning(year, current_organization.fiscal_year_month)


def _closing(year: FiscalYear) -> YearClosing:
    found = _closings().get(year.ends_on)
    if found is None:
        raise NotFound("This fiscal year is not closed.")
    return found


def _closings() -> dict[Any, YearClosing]:
    """Those in force, by their last day."""
    named = (
        YearClosing.here()
        .select(YearClosing.reopened_at.is_(None))
        .options(joinedload(YearClosing.closed_by))
    )
    return {one.ends_on: one for one in db.session.scalars(named)}


def _index(form: MonthForm) -> str:
    return render_template(
        "national/fiscal_years/index.html",
        form=form,
        years=_years(),
        closings=_closings(),
        today=current_organization.today,
    )


def _years() -> list[FiscalYear]:
    """From this one back to the first with an entry."""
    organization = current_organization
    begun = select(func.min(JournalEntry.dated)).where(JournalEntry.organization_id == organization.id)
    first = db.session.scalar(begun) or organization.today
    years = [FiscalYear.of(organization.today, organization.fiscal_year_month)]
    while years[-1].starts_on > first:
        years.append(years[-1].before)
    return years


def _page(year: FiscalYear, form: YearForm) -> str:
    closing = _closings().get(year.ends_on)
    latest = ledger.latest_closing()
    return render_template(
        "national/fiscal_years/show.html",
        year=year,
        form=form,
        closing=closing,
        is_latest=closing is not None and latest is not None and latest.id == closing.id,
        is_behind=closing is None and latest is not None and latest.ends_on > year.ends_on,
        is_over=year.ends_on < current_organization.today,
        items=[] if closing else year_end.checklist(year),
    )


def _reopening(closing: YearClosing, form: ReasonForm) -> str:
    return render_template("national/fiscal_years/reopening.html", closing=closing, form=form)
