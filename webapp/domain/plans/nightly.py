"""What the passing of a day does to payment plans."""

from datetime import date

from webapp.domain.organizations import Organization
from webapp.domain.plans import charging, collecting, ending


def pass_day(organization: Organization, on: date) -> dict[str, int]:
    """What was paid off ends first, so that it costs nothing more; what is due is collected with its
    interest; what was missed ends last, unless it is only being collected now. How many."""
    completed, interest = ending.complete(on), charging.charge_interest(organization, on)
    promised = collecting.promise(organization, on)
    return {
        "plans_completed": completed,
        "plan_interest": interest,
        **promised.counts,
        "plans_defaulted": ending.default(organization, on, apart_from=promised.plan_ids),
    }
