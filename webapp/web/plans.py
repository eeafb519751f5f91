"""Payment plans as treasurers, the national office and their members see them."""

from typing import Any
from uuid import UUID

from flask import render_template, request
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from webapp import wiring
from webapp.core import money
from webapp.core.db import db
from webapp.core.errors import NotFound
from webapp.domain.notifications import plan_pdf
from webapp.domain.organizations import Login, Member, tokens
from webapp.domain.plans import following, search
from webapp.domain.plans.order import invoices_of
from webapp.domain.plans.plan import PaymentPlan, PlanState
from webapp.domain.plans.search import WantedPlans
from webapp.domain.plans.terms import schedule
from webapp.web import plan_autopay
from webapp.web.forms import ReasonForm
from webapp.web.gates import current_organization
from webapp.web.htmx import respond
from webapp.web.invoices import as_file
from webapp.web.lists import PAGE, page_of, stream_rows, wants_csv
from webapp.web.plan_autopay import AutopayForm

LATE, ASKED, HELD_UP = "late", "asked", "held"
_MORE = [(LATE, "Kept, and late"), (ASKED, "Asked for by the member"), (HELD_UP, "Autopay held up")]
_HEADER = (
    "member_number", "member", "chapter", "state", "proposed_by", "total_minor", "total",
    "down_payment_minor", "installments", "starts_on", "payment_day", "interest_rate", "accepted_on",
    "ended_on", "currency",
)  # fmt: skip


def index(persona: str, *, chapter_id: UUID | None = None) -> Response:
    """The list for this address's filters: a page, the part that changed, or a file."""
    wanted = _wanted(chapter_id)
    if wants_csv():
        return stream_rows("payment-plans.csv", _HEADER, search.plans(wanted), _as_row)
    after = request.args.get("after", type=UUID)
    rows, last = page_of(search.plans_page(wanted, after=after, size=PAGE + 1))
    return respond(
        "shared/plans/index.html",
        "shared/plans/_list.html",
        persona=persona,
        rows=rows,
        progress=following.progress_of_each(rows),
        today=current_organization.today,
        after=last.id if last else None,
        wanted=wanted,
        states=[(state.value, state.label) for state in PlanState] + _MORE,
    )


def loaded(plan_id: UUID, *, lock: bool = False, **conditions: Any) -> PaymentPlan:
    """The plan with whose it is; NotFound outside of what the conditions allow."""
    statement = PaymentPlan.here().select(PaymentPlan.id == plan_id).filter_by(**conditions)
    related = (PaymentPlan.chapter, PaymentPlan.proposed_by, PaymentPlan.accepted_by)
    member = joinedload(PaymentPlan.member).joinedload(Member.chapter)
    statement = statement.options(member, *(joinedload(one) for one in related))
    if lock:
        statement = statement.with_for_update(of=PaymentPlan).execution_options(populate_existing=True)
    found = db.session.scalars(statement).first()
    if found is None:
        raise NotFound
    return found


def show(
    persona: str,
    plan: PaymentPlan,
    by: Login,
    form: ReasonForm | None = None,
    autopay_form: AutopayForm | None = None,
) -> str:
    """What was agreed, what is paid of it, and what this person can do about it."""
    progress = following.progress_of(plan) if plan.is_agreed else None
    return render_template(
        "shared/plans/show.html",
        persona=persona,
        plan=plan,
        invoices=invoices_of(plan),
        foreseen=schedule(plan.total, plan.terms),
        progress=progress,
        **plan_autopay.shown(plan, progress, autopay_form),
        today=current_organization.today,
        form=form or ReasonForm(formdata=None),
        is_own=plan.member.login_id == tokens.behind(by).person_id,
    )


def pdf(plan: PaymentPlan) -> Response:
    letter = plan_pdf.letter_of(plan, current_organization, test_mode=wiring.settings().test_mode)
    return as_file(wiring.drawn(letter), letter.file_name)


def _wanted(chapter_id: UUID | None) -> WantedPlans:
    state = request.args.get("state", "")
    return WantedPlans(
        text=request.args.get("q", "").strip(),
        state=PlanState(state) if state in list(PlanState) else None,
        chapter_id=chapter_id,
        member_id=request.args.get("member", type=UUID),
        late_on=current_organization.today if state == LATE else None,
        asked=state == ASKED,
        held_up=state == HELD_UP,
    )


def _as_row(plan: PaymentPlan) -> tuple[Any, ...]:
    return (
        plan.member.number,
        plan.member.name,
        plan.chapter.code,
        plan.state.value,
        "member" if plan.by_member else "officer",
        plan.total,
        money.plain(plan.total, plan.currency),
        plan.down_payment,
        plan.installments,
        plan.starts_on.isoformat(),
        plan.payment_day,
        plan.interest_rate,
        plan.accepted_on and plan.accepted_on.isoformat(),
        plan.ended_on and plan.ended_on.isoformat(),
        plan.currency,
    )
