"""A kept plan and good standing: only where the organization says so, and only while it is kept."""

from datetime import date

from tests.domain.plans.conftest import Chapter
from webapp.core.db import transaction
from webapp.domain.billing.settings import DuesSettings
from webapp.domain.plans.plan import PaymentPlan, PlanState
from webapp.domain.reporting.standing import good_standing
from webapp.domain.reporting.standing.good_standing import Basis

LATER = date(2026, 9, 20)
ENDED = date(2026, 9, 25)


def test_a_kept_plan_keeps_good_standing_where_the_organization_says_so(chapter: Chapter) -> None:
    plan = chapter.agree()
    without = good_standing.of(chapter.member, LATER)
    with transaction():
        DuesSettings.of(chapter.organization).change(by=None, standing_with_kept_plan=True)
    kept = good_standing.of(chapter.member, LATER)
    with transaction():
        held = PaymentPlan.here().get(plan.id, lock=True)
        held.end(PlanState.DEFAULTED, by=None, on=ENDED)

    assert (without.basis, kept.basis) == (Basis.OWES, Basis.PLAN_KEPT)
    assert kept.sentence(chapter.organization) == (
        "Owes nothing that was due more than 30 days before beside a payment plan that is kept."
    )
    assert good_standing.of(chapter.member, ENDED).basis is Basis.OWES
    assert good_standing.of(chapter.member, LATER, past=True).is_good
